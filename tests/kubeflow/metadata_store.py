"""A real metadata store behind gRPC, as Kubeflow Pipelines has one: the C++ core of the package ml-metadata."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as core
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

SERVICE = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]
CODES = {code.value[0]: code for code in grpc.StatusCode}


@contextmanager
def metadata_server() -> Iterator[int]:
    """Serve an empty store, in memory.

    Yields:
        The port.
    """
    config = metadata_store_pb2.ConnectionConfig(fake_database=metadata_store_pb2.FakeDatabaseConfig())
    options = metadata_store_pb2.MigrationOptions()
    store = core.CreateMetadataStore(config.SerializeToString(), options.SerializeToString())
    one_at_a_time = threading.Lock()

    def handler(name: str) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(_method(getattr(core, name), store, one_at_a_time))

    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    handlers = {method.name: handler(method.name) for method in SERVICE.methods if hasattr(core, method.name)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None)


def _method(
    call: Callable[[object, bytes], tuple[bytes, bytes, int]], store: object, one_at_a_time: threading.Lock
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        with one_at_a_time:
            response, message, code = call(store, request)
        if code:
            context.abort(CODES[code], message.decode())
        return response

    return answer
