"""Tables in every format, their schemas, prepared rows, models, graphs, and what runs leave behind."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np

from fuzzing.target import file_of, folder, refusing
from gossipfl.campaign.ledger import HEAD, RESULTS, Ledger
from gossipfl.data import Categorical, Numeric, Schema, load_dataset, make_schema, read_features, read_table
from gossipfl.errors import DataError, TopologyError, UserError
from gossipfl.experiment.federation import build_model_from
from gossipfl.experiment.modelfile import Explanation, load_model, save_model
from gossipfl.experiment.prepared import read_prepared, write_prepared
from gossipfl.experiment.settings import LearningSettings, ModelSettings
from gossipfl.report.run import Run
from gossipfl.topology import build_topology, read_topology

_SCHEMA = Schema(
    (Numeric("age", 50.0, 10.0), Categorical("ward", ("a", "b"))), Categorical("ill", ("0", "1"))
)
_CSV = b"age,ward,ill\n51,a,0\n49.5,b,1\n,a,1\n48,,0\n"


def _table(data: bytes) -> None:
    """By the schema of all, and by one of its own if it has one."""
    path = file_of("rows", data)
    for read in (lambda: read_table(path, _SCHEMA), lambda: read_features(path, _SCHEMA)):
        try:
            read()
        except DataError as error:
            if not str(error):
                raise AssertionError("A table is refused without a word.") from None
    schema = make_schema([path], target="last")
    rows = read_table(path, schema)
    if not np.isfinite(rows.features).all():
        raise AssertionError("A table has values that are not finite.")
    if Schema.from_json(schema.to_json()) != schema:
        raise AssertionError("A schema is read in two ways.")


def _texts() -> Iterator[bytes]:
    yield _CSV
    yield _CSV.replace(b",", b";").replace(b".", b",").replace(b"\n", b"\r\n")
    yield b"\xef\xbb\xbf" + _CSV.replace(b"a,", b'"a b",').replace(b",", b"\t")
    yield b"1 2 3\n4 5 6\n7 8 9\n"


def _sparse() -> Iterator[bytes]:
    yield b"1 1:0.5 3:1e-3 # a\n-1 2:7\n1 qid:3 1:2\n"
    yield b"0 0:1\n2.5 4:1\n"


def _archives() -> Iterator[bytes]:
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, features=np.arange(12.0).reshape(4, 3), targets=np.array(["a", "b", "a", "b"]))
        yield file.getvalue()


def _parquet() -> Iterator[bytes]:
    import polars as pl

    file = io.BytesIO()
    frame = pl.DataFrame({"age": [51.0, None, 48.0], "ward": ["a", "b", None], "ill": [0, 1, 0]})
    frame.write_parquet(file, compression="uncompressed")
    yield file.getvalue()


def _schema(data: bytes) -> None:
    schema = Schema.read(file_of("schema.json", data))
    if Schema.from_json(schema.to_json()) != schema or len(schema.hash) != 64:
        raise AssertionError("A schema is read in two ways.")


def _prepared(data: bytes) -> None:
    read_prepared(file_of("rows.npz", data))


def _rows() -> Iterator[bytes]:
    path = folder() / "written.npz"
    write_prepared(path, load_dataset("wine"), np.arange(4))
    yield path.read_bytes()


def _model(data: bytes) -> None:
    load_model(file_of("peer.safetensors", data))


def _explained_model(data: bytes) -> None:
    """What explains a model, put into a file whose vector has 42 numbers, as it would have."""
    header = {"__metadata__": {"gossipfl": data.decode("utf-8", "replace")}}
    header["vector"] = {"dtype": "F32", "shape": [42], "data_offsets": [0, 168]}  # type: ignore[dict-item]
    text = json.dumps(header).encode()
    _model(struct.pack("<Q", len(text)) + text + bytes(168))


@cache
def _saved() -> bytes:
    dataset, settings = load_dataset("wine"), ModelSettings()
    model = build_model_from(settings, LearningSettings(), len(dataset.feature_names), dataset.classes)
    path = folder() / "written.safetensors"
    save_model(path, np.zeros(model.size, np.float32), Explanation.of(settings, dataset, model))
    return path.read_bytes()


def _explanations() -> Iterator[bytes]:
    (length,) = struct.unpack_from("<Q", _saved())
    yield json.loads(_saved()[8 : 8 + length])["__metadata__"]["gossipfl"].encode()


def _graph(ending: str) -> Callable[[bytes], object]:
    return lambda data: read_topology(file_of(f"graph{ending}", data))


def _graphs(ending: str) -> Callable[[], Iterable[bytes]]:
    def seeds() -> Iterator[bytes]:
        import networkx

        ring = networkx.cycle_graph(4)
        match ending:
            case ".edges":
                yield b"# a ring\n0 1\n1 2\n2 0\n"
                yield b'source,target,weight\n"a",b,1\nb,c,2\n'
            case ".adj":
                yield "\n".join(networkx.generate_adjlist(ring)).encode()
            case ".graphml":
                yield "\n".join(networkx.generate_graphml(ring)).encode()
            case ".gml":
                yield "\n".join(networkx.generate_gml(ring)).encode()
            case ".json":
                yield json.dumps(networkx.node_link_data(ring, edges="edges")).encode()
                yield json.dumps(build_topology("ring", 4).record()).encode()

    return seeds


def _run(data: bytes) -> None:
    """Records, a zero byte, a summary, a zero byte, a graph, a zero byte, and settings."""
    names = ("records.jsonl", "summary.json", "graph.json", "experiment.toml")
    for name, part in zip(names, (*data.split(b"\0", 3), b"", b"", b""), strict=False):
        file_of(name, part or b"{}" * name.endswith(".json"))
    run = Run.load(folder())
    json.dumps([run.records, run.summary, run.graph], allow_nan=True)


def _runs() -> Iterator[bytes]:
    record = b'{"kind":"round","round":1,"peer":0,"accuracy":0.5}\n{"kind":"event","time_s":NaN}\n{"ki'
    yield record + b"\0" + b'{"engine":"network","rounds":3}' + b"\0" + b'{"names":["a","b"],"edges":[[0,1]]}'
    yield b"\0{}\0{}\0[run]\nname = 'a'\n"


def _ledger(data: bytes) -> None:
    path = folder() / "ledger"
    path.mkdir(exist_ok=True)
    head, _, lines = data.partition(b"\0")
    (path / HEAD).write_bytes(head)
    (path / RESULTS).write_bytes(lines)
    Ledger(path).open("a", ["one", "two"], resume=head != b"")


def _ledgers() -> Iterator[bytes]:
    lines = b'{"key":"one","figures":{"accuracy":0.5}}\n{"key":"t'
    yield b'{"campaign":"a","digest":"00"}\0' + lines


TABLES = (
    refusing("csv", _table, _texts, DataError),
    refusing("svmlight", _table, _sparse, DataError),
    refusing("npz", _table, _archives, DataError),
    refusing("parquet", _table, _parquet, DataError),
    refusing("schema", _schema, lambda: [_SCHEMA.to_json().encode()], DataError),
    refusing("prepared", _prepared, _rows, DataError),
    refusing("model", _model, lambda: [_saved()], UserError),
    refusing("model-explained", _explained_model, _explanations, UserError),
    *(
        refusing(f"graph-{ending[1:]}", _graph(ending), _graphs(ending), TopologyError)
        for ending in (".edges", ".adj", ".graphml", ".gml", ".json")
    ),
    refusing("run", _run, _runs, UserError),
    refusing("ledger", _ledger, _ledgers, UserError),
)
