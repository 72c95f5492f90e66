"""Runs a test binary built for wasm32-wasip2 under wasmtime: python wasm-test.py FILE.wasm [ARGUMENTS]."""

import sys

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

config = Config()
# Tests that nest deep need more than the default; it may not exceed wasmtime's stack for async calls, 2 MiB.
config.max_wasm_stack = 1900 * 1024
engine = Engine(config)
store = Store(engine)
wasi = WasiConfig()
wasi.inherit_stdout()
wasi.inherit_stderr()
wasi.argv = ["test", *sys.argv[2:]]
store.set_wasi(wasi)
linker = Linker(engine)
linker.add_wasip2()
instance = linker.instantiate(store, Component.from_file(engine, sys.argv[1]))
for patch in range(12):
    exported = instance.get_export_index(store, f"wasi:cli/run@0.2.{patch}")
    if exported is not None:
        run = instance.get_func(store, instance.get_export_index(store, "run", exported))
        sys.exit(0 if run(store).tag == "ok" else 1)
sys.exit("the file exports no wasi:cli/run")
