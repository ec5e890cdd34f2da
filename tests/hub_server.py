"""A Hugging Face hub of one process: repositories in memory, by the calls of ``huggingface_hub`` for models."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

TOKEN = 'hf_of_this_test'
LARGE = '.safetensors'  # what the hub stores apart (LFS)
COMMIT = 'c' * 40


class Hub(ThreadingHTTPServer):
    """Attributes:
        repositories: Content of each file, by repository and name.
        private: Ids of private repositories.
    """

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.uploads: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_address[1]}'

    def create(self, request: dict) -> dict:
        repo = f'{request["organization"]}/{request["name"]}'
        self.repositories.setdefault(repo, {})
        if request.get('visibility') == 'private':
            self.private.add(repo)
        return dict(url=f'{self.url}/{repo}')

    def preupload(self, request: dict) -> dict:
        return dict(files=[dict(path=file['path'], uploadMode='lfs' if file['path'].endswith(LARGE) else 'regular',
                                shouldIgnore=False) for file in request['files']])

    def lfs_batch(self, request: dict) -> dict:
        return dict(transfer='basic', objects=[
            dict(oid=each['oid'], size=each['size'], actions=dict(upload=dict(href=f'{self.url}/lfs/{each["oid"]}')))
            for each in request['objects']])

    def commit(self, repo: str, lines: list[dict]) -> dict:
        for line in lines:
            value = line['value']
            if line['key'] == 'file':
                self.repositories[repo][value['path']] = base64.b64decode(value['content'])
            elif line['key'] == 'lfsFile':
                self.repositories[repo][value['path']] = self.uploads[value['oid']]
        return dict(commitUrl=f'{self.url}/{repo}/commit/{COMMIT}', commitOid=COMMIT, hookOutput='')

    def revision(self, repo: str) -> dict:
        return dict(id=repo, sha=COMMIT, siblings=[dict(rfilename=name) for name in self.repositories[repo]])

    def tree(self, repo: str) -> list[dict]:
        return [dict(type='file', path=name, size=len(content), oid=hashlib.sha1(content).hexdigest())
                for name, content in self.repositories[repo].items()]


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server: Hub

    def log_message(self, *args) -> None:
        pass

    def respond(self, content: bytes | dict | list, status: int = 200, headers: dict | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({'Content-Length': str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def do_PUT(self) -> None:
        content = self.body()
        oid = self.path.removeprefix('/lfs/')
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.uploads[oid] = content
        self.respond({})

    def do_POST(self) -> None:
        body, path = self.body(), urlsplit(self.path).path
        if self.headers.get('Authorization') != f'Bearer {TOKEN}':
            return self.respond(dict(error='Invalid username or password.'), 401)
        if path == '/api/repos/create':
            return self.respond(self.server.create(json.loads(body)))
        if path == '/api/validate-yaml':  # of a model card
            return self.respond(dict(errors=[], warnings=[]))
        if re.fullmatch(r'/api/models/.+/preupload/main', path):
            return self.respond(self.server.preupload(json.loads(body)))
        if path.endswith('.git/info/lfs/objects/batch'):
            return self.respond(self.server.lfs_batch(json.loads(body)))
        if found := re.fullmatch(r'/api/models/(.+)/commit/main', path):
            return self.respond(self.server.commit(found[1], [json.loads(line) for line in body.splitlines()]))
        return self.respond(dict(error='Not found'), 404)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r'/api/models/(.+)/revision/main', path):
            if found[1] not in self.server.repositories:
                return self.respond(dict(error='Repository not found'), 404, {'X-Error-Code': 'RepoNotFound'})
            return self.respond(self.server.revision(found[1]))
        if found := re.fullmatch(rf'/api/models/(.+)/tree/{COMMIT}', path):
            return self.respond(self.server.tree(found[1]))
        if found := re.fullmatch(r'/(.+?/.+?)/resolve/\w+/(.+)', path):
            content = self.server.repositories.get(found[1], {}).get(found[2])
            if content is not None:
                headers = {'ETag': f'"{hashlib.sha256(content).hexdigest()}"', 'X-Repo-Commit': COMMIT}
                return self.respond(content, headers=headers)
        return self.respond(dict(error='Not found'), 404)

    do_HEAD = do_GET


@contextmanager
def run_hub() -> Iterator[Hub]:
    """A hub that runs as long as the block."""
    with Hub() as hub:
        thread = Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
