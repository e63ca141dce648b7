// Starts the npm package @simulacrum/github-api-simulator on a free port of the loopback and prints the port.
//
// The package holds every request against GitHub's own OpenAPI description and every query against GitHub's GraphQL
// schema, and answers with GitHub's own examples. What it does not do, keeping what is sent, is added here: one
// repository `owner/name`, one pull request, comments, statuses, and who edited the body.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const installed = createRequire(process.argv[2]);
const entry = installed.resolve("@simulacrum/github-api-simulator");
const { simulation } = await import(pathToFileURL(entry).href);
const { buildSchema, graphql } = createRequire(entry)("graphql");
const schemas = path.join(path.dirname(entry), "..", "schema");
const schema = buildSchema(readFileSync(path.join(schemas, "schema.docs-enterprise.graphql"), "utf8"));

// The validator that the package uses refuses `nullable` beside no type, so null is written as one of two choices.
const withNull = (part) => {
  if (part === null || typeof part !== "object") return part;
  if (Array.isArray(part)) return part.map(withNull);
  const { nullable, ...rest } = Object.fromEntries(Object.entries(part).map(([name, each]) => [name, withNull(each)]));
  if (nullable === undefined) return rest;
  if (typeof nullable !== "boolean" || "type" in rest) return { ...rest, nullable };
  return nullable ? { anyOf: [rest, { enum: [null] }] } : rest;
};
const folder = mkdtempSync(path.join(tmpdir(), "github-"));
const apiSchema = path.join(folder, "api.json");
writeFileSync(apiSchema, JSON.stringify(withNull(JSON.parse(readFileSync(path.join(schemas, "api.github.com.json"))))));

const OWN = "autopack-bot";
const HEAD = "c".repeat(40);
const fresh = () => ({
  writers: ["ada"], graphql: true, down: false, base_pushed: true, branches: {}, body: "", pulls: 0, comments: [],
  statuses: [], edits: [], clock: 0, refused: [],
});
let state = fresh();

const edited = (login) => {
  state.clock += 1;
  const seconds = String(state.clock % 60).padStart(2, "0");
  state.edits.push({ editedAt: `2026-01-02T04:0${Math.floor(state.clock / 60)}:${seconds}Z`, editor: { login } });
};
const says = (login, body, at, later, url) => {
  const id = state.comments.length + 1;
  const user = { login, id: 1, type: "User", url: `${url}/users/${login}` };
  state.comments.push({ id, body, user, created_at: at, updated_at: later || at, url: `${url}/comments/${id}` });
  return state.comments.at(-1);
};

const answers = (url) => {
  const here = `${url}/api/v3/repos/owner/name`;
  const example = (c, changes) => ({ ...c.api.mockResponseForOperation(c.operation.operationId).mock, ...changes });
  const pull = (c) =>
    example(c, {
      id: 1, number: 1, body: state.body, url: `${here}/pulls/1`, issue_url: `${here}/issues/1`,
      head: { sha: HEAD, ref: "autopack/run-1" },
    });
  const found = (response, document, status = 200) => response.status(status).json(document);
  const missing = (response) => found(response, { message: "Not Found" }, 404);
  return {
    "repos/get": (c, _, r) =>
      found(r, example(c, { name: "name", full_name: "owner/name", default_branch: "main", url: here })),
    "users/get-authenticated": (c, _, r) => found(r, { login: OWN, id: 9, url: `${url}/users/${OWN}` }),
    "repos/get-branch": (c, _, r) => {
      const { branch } = c.request.params;
      const sha = state.branches[branch];
      return sha ? found(r, example(c, { name: branch, commit: { sha } })) : missing(r);
    },
    "git/get-commit": (c, _, r) =>
      state.base_pushed ? found(r, example(c, { sha: c.request.params.commit_sha })) : missing(r),
    "git/create-commit": (c, _, r) => found(r, example(c, { sha: HEAD }), 201),
    "git/create-ref": (c, _, r) => {
      const { ref, sha } = c.request.requestBody;
      state.branches[ref.replace("refs/heads/", "")] = sha;
      return found(r, example(c, { ref, object: { sha, type: "commit", url: here } }), 201);
    },
    "pulls/list": (c, _, r) => found(r, state.pulls ? [pull(c)] : []),
    "pulls/create": (c, _, r) => {
      state.pulls += 1;
      state.body = c.request.requestBody.body;
      edited(OWN);
      return found(r, pull(c), 201);
    },
    "pulls/get": (c, _, r) => found(r, pull(c)),
    "pulls/update": (c, _, r) => {
      state.body = c.request.requestBody.body;
      edited(OWN);
      return found(r, pull(c));
    },
    "issues/get": (c, _, r) => found(r, example(c, { number: 1, url: `${here}/issues/1` })),
    "issues/list-comments": (c, _, r) => found(r, state.comments),
    "issues/create-comment": (c, _, r) =>
      found(r, says(OWN, c.request.requestBody.body, "2026-01-02T04:00:00Z", "", url), 201),
    "repos/get-collaborator-permission-level": (c, _, r) => {
      const permission = state.writers.includes(c.request.params.username) ? "write" : "read";
      return found(r, example(c, { permission, role_name: permission }));
    },
    "repos/get-commit": (c, _, r) =>
      found(r, example(c, { sha: c.request.params.ref, url: `${here}/commits/${c.request.params.ref}` })),
    "repos/create-commit-status": (c, _, r) => {
      state.statuses.push(c.request.requestBody);
      return found(r, example(c, c.request.requestBody), 201);
    },
  };
};

const extendRouter = (url) => (router) => {
  router.use((request, response, next) => {
    if (state.down && !request.path.startsWith("/control")) return response.status(502).json({ message: "Bad gateway" });
    // GitHub takes the slash of a branch's name as it is, which its own description cannot say.
    request.url = request.url.replace(/(?<=\/branches\/)[^?]+/, (name) => encodeURIComponent(decodeURIComponent(name)));
    response.on("finish", () => response.statusCode === 400 && state.refused.push(`${request.method} ${request.path}`));
    return next();
  });
  router.get("/control", (_, response) => response.json(state));
  router.post("/control", (request, response) => {
    const { reset, comment, body, by, ...changes } = request.body;
    if (reset) state = fresh();
    Object.assign(state, changes);
    if (comment) says(comment.login, comment.text, comment.at, comment.edited, url);
    if (by) {
      state.body = body;
      edited(by);
    }
    response.json(state);
  });
  router.post("/api/graphql", async (request, response, next) => {
    if (!state.graphql) return response.status(404).json({ message: "Not Found" });
    const { query: source, variables: variableValues } = request.body;
    const edits = { nodes: [...state.edits].reverse() };
    const rootValue = {
      viewer: { login: OWN },
      repository: { pullRequest: { body: state.body, userContentEdits: edits } },
    };
    const typeResolver = () => "User";
    const answer = await graphql({ schema, source, rootValue, variableValues, typeResolver });
    if (answer.errors) state.refused.push(`graphql: ${answer.errors[0].message}`);
    return response.json(answer);
  });
};

const probe = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(async () => {
    const url = `http://127.0.0.1:${port}`;
    const extend = { openapiHandlers: () => answers(url), extendRouter: extendRouter(url) };
    const initialState = { users: [], organizations: [], repositories: [], branches: [], blobs: [] };
    const server = simulation({ initialState, apiSchema, apiUrl: "/api/v3", extend });
    rmSync(folder, { recursive: true });
    await server.listen(port, "127.0.0.1");
    console.log(port);
  });
});
