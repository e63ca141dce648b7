"""What every published schema has to keep; each schema's test module subclasses `SchemaContract` with its sample."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st

from autopack.artifacts.model import Artifact
from autopack.schema_validation.json_schema import validate
from schema_parity import EXAMPLES, documents, every_single_change, model_accepts, objects, schema_accepts, spoiled


class SchemaContract:
    """The published schema NAME and its MODEL accept and refuse the same documents, SAMPLE among the accepted."""

    NAME: ClassVar[str]
    MODEL: ClassVar[type[Artifact]]
    SAMPLE: ClassVar[dict[str, Any]]

    def test_a_plain_document_is_accepted_by_both(self) -> None:
        """A small complete document passes the schema and the model."""
        validate(self.SAMPLE, self.NAME)
        assert self.MODEL.from_document(self.SAMPLE).document() == self.SAMPLE

    @EXAMPLES
    @given(data=st.data())
    def test_model_and_schema_agree_on_documents_of_the_schema(self, data: st.DataObject) -> None:
        """What the schema accepts the model accepts, and the other way round."""
        self._agree_on(data.draw(documents(self.NAME)))

    def test_model_and_schema_agree_on_every_single_change(self) -> None:
        """Each value of the plain document dropped, retyped, or moved off its pattern and range: the same answer."""
        changes = list(every_single_change(self.SAMPLE))
        assert len(changes) > 100
        divided = [what for what, made in changes if schema_accepts(made, self.NAME) != model_accepts(made, self.MODEL)]
        assert divided == []

    @EXAMPLES
    @given(data=st.data())
    def test_model_and_schema_agree_on_spoiled_documents(self, data: st.DataObject) -> None:
        """Dropped and added keys, swapped types, booleans for integers, floats and bad patterns divide them nowhere."""
        self._agree_on(data.draw(st.one_of(spoiled(self.SAMPLE), documents(self.NAME).flatmap(spoiled))))

    @EXAMPLES
    @given(data=st.data())
    def test_an_unknown_key_is_refused_at_every_level(self, data: st.DataObject) -> None:
        """Not one object of a document takes a key that the schema does not name."""
        document = data.draw(documents(self.NAME))
        for inner in objects(document):
            inner["unknown_key"] = 1
            assert not schema_accepts(document, self.NAME)
            assert not model_accepts(document, self.MODEL)
            del inner["unknown_key"]

    def _agree_on(self, document: Any) -> None:
        assert schema_accepts(document, self.NAME) == model_accepts(document, self.MODEL)
