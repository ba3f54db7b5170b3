"""A local server that answers as the Hugging Face hub does, for files that are in memory."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def commit_of(revision):
    """The commit of a branch or tag."""
    return hashlib.sha1(revision.encode()).hexdigest()


@contextmanager
def hub_server(repositories, status=200):
    """Serve `{"user/model": {"main": {"net.onnx": b"..."}}}`; yields the endpoint and the requests that came."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, body, code=200, **headers):
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def refuse(self, code, why):
            self.answer(json.dumps({"error": why}).encode(), code, X_Error_Code=why)

        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            requests.append(path)
            if status != 200:
                return self.refuse(status, "GatedRepo" if status == 403 else "Unavailable")
            name = next((one for one in repositories if f"/{one}" in path), None)
            if name is None:
                return self.refuse(404, "RepoNotFound")
            parts = path.split(f"/{name}", 1)[1].strip("/").split("/")
            kind, revision = (parts[0], parts[1]) if len(parts) > 1 else ("revision", "main")
            by_commit = {commit_of(one): files for one, files in repositories[name].items()}
            commit = revision if revision in by_commit else commit_of(revision)
            files = by_commit.get(commit)
            if files is None:
                return self.refuse(404, "RevisionNotFound")
            if kind == "revision":
                siblings = [{"rfilename": one} for one in files]
                return self.answer(json.dumps({"id": name, "sha": commit, "siblings": siblings}).encode())
            if kind == "tree":
                tree = [{"type": "file", "path": n, "size": len(c), "oid": "0" * 40} for n, c in files.items()]
                return self.answer(json.dumps(tree).encode(), Content_Type="application/json")
            content = files.get("/".join(parts[2:]))
            if content is None:
                return self.refuse(404, "EntryNotFound")
            return self.answer(content, X_Repo_Commit=commit, ETag=f'"{hashlib.sha1(content).hexdigest()}"')

        do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
