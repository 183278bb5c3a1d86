"""One replica of a function: its handler under Flask and waitress, with the contract of the python3-http-debian template.

    python serve.py FOLDER      FOLDER has a handler.py; the port is written to standard output once it listens

What the template leaves to waitress' defaults is left to them here: 4 threads, 100 connections, no handler for SIGTERM. The health
address is the watchdog's, which the template has in front of the process.
"""

import importlib
import os
import socket
import sys
import types

from flask import Flask, jsonify, request
from waitress import create_server

METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE"]


def handler_of(folder):
    """The module handler.py of a folder, inside a package called function, so that it may import its neighbours."""
    package = types.ModuleType("function")
    package.__path__ = [folder]
    sys.modules["function"] = package
    sys.path.insert(0, folder)
    return importlib.import_module("function.handler")


class Event:
    """A request as a handler gets it."""

    def __init__(self):
        self.body = request.get_data()
        self.headers = request.headers
        self.method = request.method
        self.query = request.args
        self.path = request.path


class Context:
    """Where a handler runs."""

    def __init__(self):
        self.hostname = os.environ.get("HOSTNAME", socket.gethostname())


def answer(result):
    """What a handler returned, as Flask takes it."""
    if result is None:
        return "", 200
    if not isinstance(result, dict):
        return result
    headers = result.get("headers") or {}
    status = result.get("statusCode", 200)
    body = result.get("body", "")
    is_raw = any(name.lower() == "content-type" and value == "application/octet-stream" for name, value in headers.items())
    if isinstance(body, dict):
        body = jsonify(body)
    elif not is_raw:
        body = str(body)
    return body, status, headers


def application(handler):
    """The function as a WSGI application."""
    app = Flask("function")

    @app.get("/_/health")
    def health():
        return ""

    @app.route("/", defaults={"path": ""}, methods=METHODS)
    @app.route("/<path:path>", methods=METHODS)
    def call(path):
        return answer(handler.handle(Event(), Context()))

    return app


def main(folder):
    # what a handler prints goes where its errors go, and never between us and whoever waits for the port
    announce = os.dup(1)
    os.dup2(2, 1)
    server = create_server(application(handler_of(os.path.abspath(folder))), host="127.0.0.1", port=0)
    os.write(announce, b"%d\n" % int(server.effective_port))
    os.close(announce)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
