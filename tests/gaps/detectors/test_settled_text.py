"""windows_encoding_issue/open-without-encoding: text that is ASCII by its writer, and encodings of the machine that are
meant."""

from __future__ import annotations

import ast

import pytest

from autopack.gaps.detectors.windows_encoding_issue import DETECTOR
from autopack.gaps.models import Gap
from autopack.gaps.python_source import called_name, imported_names, walk
from autopack.gaps.settled_text import Settled
from gap_reports import report_of
from remedies import after_remedy
from repositories import MakeRepository

HEAD = (
    "import hashlib, json, locale, os, subprocess, time, yaml\nfrom pathlib import Path\n\n\n"
    "def work(path, data, fd, pid_file, name):\n"
)


def gaps_of(make_repository: MakeRepository, body: str, path: str = "src/a.py") -> tuple[Gap, ...]:
    return report_of(
        make_repository({path: HEAD + "".join(f"    {line}\n" for line in body.split("\n"))}), DETECTOR
    ).gaps


@pytest.mark.parametrize(
    "body",
    [
        # ASCII whatever the values are
        'with open(path, "w") as f:\n    json.dump(data, f, indent=2)',
        'with open(path, "w") as f:\n    json.dump(data, f, ensure_ascii=True)\n    f.write("\\n")',
        'json.dump(data, open(path, "w"))',
        'with open(path, "w") as f:\n    yaml.safe_dump(data, f)',
        "Path(path).write_text(json.dumps(data))",
        'with open(path, "w") as f:\n    f.write(json.dumps(data) + "\\n")',
        'with open(path, "w") as f:\n    f.write(str(os.getpid()))\n    f.flush()',
        'with open(path, "w") as f:\n    f.write(f"{os.getpid()} {time.time()}\\n")',
        'own = os.getpid()\nwith os.fdopen(fd[0], "w") as f:\n    f.write(str(own))',
        'open(path, "w").write(str(len(data)))',
        "Path(path).write_text(hashlib.sha256(data).hexdigest())",
        'with open(path, "w") as f:\n    f.write("done")',
        "with open(path) as f:\n    return int(f.read().strip())",
        "return float(open(path).read())",
        "return int(Path(path).read_text())",
        # ASCII by its format
        "return open(pid_file).read()",
        'return open("run/server.pid").read()',
        'return Path(path, "cert.pem").read_text()',
        "return open(name.token_path).read()",
        "return open(os.environ['GITHUB_OUTPUT'], 'a').write(data)",
        'return Path(path, "VERSION").read_text()',
        # ASCII by what is written, under a name
        'text = json.dumps(data)\nwith open(path, "w") as f:\n    f.write(text)',
        'text = "done"\nif data:\n    text = "failed"\nPath(path).write_text(f"{text}\\n")',
        'with open(path, "w") as f:\n    json.dump(data, fp=f)',
        'with open(path, "w") as f:\n    print("done", len(data), file=f)',
        # ASCII by what a file is used for under its name, in its own function
        'f = open(path, "w")\nf.write("x")\nf.close()\ndef other():\n    f = open(name, "wb")\n    f.write(data)',
        'f = open(path, "w")\ng = lambda: f.write("x")',
        'f = open(path)\nname.assertEqual("x", f.read())\nf.close()',
        # ASCII by what a test asserts of it
        'name.assertEqual(open(path).read(), "x\\n")',
        'with open(path) as f:\n    assert f.read().strip() == "x"',
        # JSON that the module has written itself
        'with open(name) as f:\n    data = json.load(f)\nwith open(name, "w") as f:\n    json.dump(data, f)',
        "data = json.loads(Path(path).read_text())\nPath(path).write_text(json.dumps(data))",
        'json.load(open(name.file()))\nwith open(name.file(), mode="w") as f:\n    f.write(json.dumps(data) + "\\n")',
    ],
)
def test_ascii_by_its_writer_is_of_low_confidence(make_repository: MakeRepository, body: str) -> None:
    """The same bytes in every encoding of a machine: shown with `--all`, with the remedy that changes nothing."""
    (gap,) = gaps_of(make_repository, body)
    assert (gap.confidence, gap.remedy is not None) == ("low", True)


@pytest.mark.parametrize(
    "body",
    [
        'with open(path, "w") as f:\n    json.dump(data, f, ensure_ascii=False)',
        'own = os.getpid()\nown = data\nwith open(path, "w") as f:\n    f.write(str(own))',
        'with open(path, "w") as f:\n    json.dump(data, f, **name)',
        'with open(path, "w") as f:\n    json.dump(data, f)\n    f.write(name)',
        'with open(path, "w") as f:\n    yaml.safe_dump(data, f, allow_unicode=True)',
        'with open(path, "w") as f:\n    json.dump(data, f)\n    name(f)',
        "Path(path).write_text(json.dumps(data, ensure_ascii=False))",
        "with open(path) as f:\n    return json.load(f)",
        "with open(path) as f:\n    return f.read().strip()",
        'with open(path, "w") as f:\n    f.write(str(data))',
        'with open(path, "w") as f:\n    f.write(f"{name}\\n")',
        'with open(path, "w") as f:\n    f.write("é")',
        'with open(path, "w") as f:\n    for line in data:\n        f.write("x" + line)',
        'f = open(path, "w")\nf.write("x")\nname(f)',
        'f = open(path, "w")\nf.write("x")\ndef other():\n    f.write(name)',
        'f = open(path, "w")\nf.write("x")\nf = name\nf.write(data)',
        'def other():\n    global f\n    f = open(path, "w")\n    f.write("x")\ndef more():\n    f.write(name)',
        'name.assertEqual("é", open(path).read())',
        'name.assertNotEqual("x", open(path).read())',
        'with open(path) as f:\n    assert f.read() != "x"',
        'with open(path) as f:\n    return f.read() == "x"',
        'return open("rapid.txt").read()',
        'return open("monkey_files.txt").read()',
        'return subprocess.run(["git", "log"], capture_output=True, text=True)',
        'return subprocess.check_output("git log", text=True, shell=True)',
        'command = ["git", "log", name]\nsubprocess.run(command, capture_output=True, text=True)',
        'with os.fdopen(fd, "w") as f:\n    f.write(data)',
        # beside one that somebody would change
        'open(path).read()\nopen(name, "w").write("x")',
        "try:\n    open(path).read()\nexcept OSError:\n    pass",
        # a name that also holds something else
        'text = json.dumps(data)\nif name:\n    text = name\nopen(path, "w").write(text)',
        'text = "a"\ntext += name\nopen(path, "w").write(text)',
        'for text in data:\n    open(path, "w").write(text)\ntext = "a"',
        'with open(path, "w") as f:\n    print(name, file=f)',
        # JSON that somebody else may have written
        'json.load(open(path))\nwith open(name, "w") as f:\n    json.dump(data, f)',
        'json.load(open(path))\nwith open(path, "w") as f:\n    json.dump(data, f, ensure_ascii=False)',
        'json.load(open(path))\nopen(path, "w").write(json.dumps(data))\nopen(path, "a").write(name)',
        'open(path).read()\nwith open(path, "w") as f:\n    json.dump(data, f)',
        'return open("tokenizer.txt").read()',
        'return open("versions.txt").read()',
        'with open(path, "w") as f:\n    f.write(name)\n    subprocess.run(["ls"], stdout=f)',
        'import configparser\nwith open(path, "w") as f:\n    f.write(name)',
    ],
)
def test_text_of_unknown_letters_is_of_high_confidence(make_repository: MakeRepository, body: str) -> None:
    """Where any letter may be written or read, the gap stands, and the remedy names UTF-8."""
    (gap,) = gaps_of(make_repository, body)
    assert (gap.confidence, gap.remedy is not None) == ("high", True)


@pytest.mark.parametrize(
    "body",
    [
        # what some other program says, and no one knows how
        "subprocess.run([name], capture_output=True, text=True)",
        'subprocess.run(["ls"], capture_output=True, text=True)',
        'command = ["git"]\nif name:\n    command = ["ls"]\nsubprocess.run(command, capture_output=True, text=True)',
        "subprocess.Popen(name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)",
        # a second way where the first one does not decode
        "try:\n    return open(path).read()\nexcept UnicodeDecodeError:\n    return data",
        "try:\n    return open(path).read()\nexcept (OSError, UnicodeError):\n    return data",
        # a module that asks for the machine's encoding
        'with open(path, "w") as f:\n    f.write(data)\nopen(path, encoding=locale.getpreferredencoding(False))',
        # a ConfigParser reads by the locale what it has written
        'import configparser\nwith open(path, "w") as f:\n    data.write(f)',
        # Python itself, and the shell of Windows, read these by the locale
        '(pathlib.Path(path) / "more.pth").write_text(data)',
        "(pathlib.Path(path) / SHARED_PTH).write_text(data)",
        'open(cmd_file, "w").write(data)',
        'open("run.bat", "w").write(data)',
        # the author says so
        '# distutils reads it in the default encoding\nx = open(path, "w")\nx.write(data)',
        'x = open(path, "w")  # no encoding: the locale is what the other program goes by\nx.write(data)',
    ],
)
def test_where_the_machines_encoding_may_be_meant_nothing_is_offered(
    make_repository: MakeRepository, body: str
) -> None:
    """Of low confidence, and without a remedy: UTF-8 might be wrong."""
    (gap,) = gaps_of(make_repository, body)
    assert (gap.confidence, gap.remedy) == ("low", None)


@pytest.mark.parametrize(
    "body",
    [
        # a pager reads what the machine's programs read
        "pager = subprocess.Popen([name], stdin=subprocess.PIPE, text=True)",
        'subprocess.run(["less"], stdin=subprocess.PIPE, universal_newlines=True)',
        # a number of an open file, kept only to be closed
        "reader = open(fd)",
        'writer = open(name.fileno(), "w")',
        # only its number is used, by another program
        'with open(path, "w") as f:\n    subprocess.run(["ls"], stdout=f, stderr=f)',
        'subprocess.run(["ls"], stdout=open(path, "w"))',
        # what is typed at the machine
        "import sys\nsys.stdin = os.fdopen(fd)",
        # nothing is written
        'with open(path, "w"):\n    pass',
        'with open(path, "w") as f:\n    pass',
        'f = open(path, "w")\nf.close()',
        'if name:\n    work()\nelse:\n    f = open(path, "w")\n    f.close()',
        'open(path, "a")',
    ],
)
def test_where_the_machines_encoding_is_meant_there_is_no_gap(make_repository: MakeRepository, body: str) -> None:
    """Nothing is wrong there."""
    assert gaps_of(make_repository, body) == ()


@pytest.mark.parametrize(
    ("write", "answer"),
    [
        ("json.dump(data, open(path, 'w'))", "ascii"),
        ("Path(path).write_text(json.dumps(data))", "ascii"),
        ("json.dump(data, open(path, 'w'), ensure_ascii=False)", ""),
        ("json.dump(data, open(path, 'w')); open(path, 'a').write(data)", ""),
        ("open(path, 'a').write(data); json.dump(data, open(path, 'w'))", ""),
        ("json.dump(data, open(path + '~', 'w'))", ""),
        ("json.load(open(path))", ""),
    ],
)
def test_json_is_read_as_the_module_has_written_it(write: str, answer: str) -> None:
    """Only where every writer of the same path in the module writes it in ASCII."""
    nodes = walk(ast.parse(f"import json\nfrom pathlib import Path\njson.load(open(path))\n{write}\n"))
    calls = [node for node in nodes if isinstance(node, ast.Call) and called_name(node) in {"open", "write_text"}]
    reasons = Settled.of(nodes, imported_names(nodes)).reasons(calls)
    (read,) = [call for call in calls if call.lineno == 3]
    assert reasons[id(read)] == answer


def test_a_remedy_leaves_alone_what_may_be_meant(make_repository: MakeRepository) -> None:
    """Of the calls of one file, those that somebody would change are mended, and what is ASCII with them; what may be
    meant is told apart."""
    body = (
        "    subprocess.run([name], capture_output=True, text=True)\n"
        "    subprocess.Popen([name], stdin=subprocess.PIPE, text=True)\n"
        '    json.dump(data, open(name, "w"))\n'
    )
    repository = make_repository({"src/a.py": f"{HEAD}{body}    open(path).read()\n"})
    gap, meant = sorted(report_of(repository, DETECTOR).gaps, key=lambda one: one.confidence)
    assert (meant.confidence, meant.remedy) == ("low", None)
    mended = body.replace('"w")', '"w", encoding="utf-8")')
    assert [evidence.line for evidence in gap.evidence] == [8, 9]
    assert after_remedy(repository, gap) == {"src/a.py": f'{HEAD}{mended}    open(path, encoding="utf-8").read()\n'}


@pytest.mark.parametrize(
    ("path", "confidence"),
    [
        ("misc/a.py", "low"),
        (".tool/a.py", "low"),
        ("benchmarks/a.py", "low"),
        ("src/misc/a.py", "high"),
        ("misc.py", "high"),
    ],
)
def test_code_of_maintainers_is_of_low_confidence(make_repository: MakeRepository, path: str, confidence: str) -> None:
    """What only those run who work on the project stands in a folder of its own."""
    (gap,) = gaps_of(make_repository, "open(path).read()", path)
    assert gap.confidence == confidence
