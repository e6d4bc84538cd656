#!/usr/bin/env python3
"""Writes tests/golden/parquet: small files by pyarrow, polars and duckdb, and the rows that pyarrow reads from them.

Needs: pip install pyarrow polars duckdb.  Usage: scripts/make_parquet_golden.py
"""
import base64
import datetime
import decimal
import json
import math
import pathlib

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/parquet"


def as_json(value):
    """What r1 makes of a value (formats/parquet.h)."""
    if isinstance(value, dict):
        return {k: as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(v, tuple) for v in value):  # a map
            return {k: as_json(v) for k, v in value}
        return [as_json(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value


def problems(count):
    """Rows as verl and open-r1 have them: messages, a structure, lists of structures, nulls and empty lists."""
    rows = []
    for i in range(count):
        rows.append({
            "data_source": "toy",
            "prompt": [{"role": "system", "content": "Think."}] * (i % 2)
            + [{"role": "user", "content": f"What is {i} + {i}? \u4e09 \U0001f600"}],
            "ability": "math" if i % 3 else None,
            "reward_model": {"style": "rule", "ground_truth": str(2 * i)},
            "extra_info": {"index": i, "split": "train", "tags": None if i % 5 == 0 else ["a"] * (i % 4)},
            "test_cases": [{"input": str(j), "output": None if j == 1 else str(j * j)} for j in range(i % 3)],
            "matrix": [[float(j)] * (j % 3) for j in range(i % 4)] if i % 7 else None,
        })
    return rows


def types(count):
    nan = [1.5, float("nan"), -0.0, float("inf"), None, 1e-30]
    utc = datetime.timezone.utc
    moment = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    column = lambda make, type_: pa.array([None if i % 6 == 5 else make(i) for i in range(count)], type_)
    return pa.table({
        "bool": column(lambda i: i % 3 == 0, pa.bool_()),
        "int8": column(lambda i: i - 100, pa.int8()),
        "uint16": column(lambda i: 65535 - i, pa.uint16()),
        "int32": column(lambda i: -i * 1000003, pa.int32()),
        "int64": column(lambda i: i * 10**15 - 2**62, pa.int64()),
        "uint64": column(lambda i: 2**64 - 1 - i, pa.uint64()),
        "float16": column(lambda i: i * 0.5 - 3, pa.float16()),
        "float32": column(lambda i: i * 0.25, pa.float32()),
        "float64": pa.array([nan[i % 6] for i in range(count)], pa.float64()),
        "text": column(lambda i: "prefix shared by all " * (i % 3) + str(i), pa.string()),
        "large": column(lambda i: "" if i % 2 else "x" * i, pa.large_string()),
        "bytes": column(lambda i: bytes([255, i]) if i % 2 else b"ascii", pa.binary()),
        "fixed": column(lambda i: b"ab%d" % (i % 10), pa.binary(3)),
        "decimal": column(lambda i: decimal.Decimal(i - 7) / 100, pa.decimal128(9, 2)),
        "wide": column(lambda i: decimal.Decimal((i - 7) * 10**30) / 1000, pa.decimal128(38, 3)),
        "date": column(lambda i: datetime.date(1969, 12, 20) + datetime.timedelta(days=i), pa.date32()),
        "time": column(lambda i: datetime.time(12, 30, i % 60, 250000 * (i % 4)), pa.time64("us")),
        "moment": column(lambda i: moment - datetime.timedelta(days=9999 * i), pa.timestamp("us")),
        "utc": column(lambda i: moment.replace(tzinfo=utc, microsecond=0), pa.timestamp("ms", "UTC")),
        "map": column(lambda i: [(str(j), j) for j in range(i % 3)], pa.map_(pa.string(), pa.int64())),
        "category": column(lambda i: "red" if i % 2 else "blue", pa.string()).dictionary_encode(),
        "list": column(lambda i: list(range(i % 5)), pa.list_(pa.int32())),
        "structs": column(lambda i: [{"a": j, "b": {"c": [str(j)] * j}} for j in range(i % 3)],
                          pa.list_(pa.struct([("a", pa.int64()),
                                              ("b", pa.struct([("c", pa.list_(pa.string()))]))]))),
    })


def save(name, write, rows=None, same=None):
    """`same`: the rows are those of that .jsonl, which another file has already given."""
    path = OUT / f"{name}.parquet"
    write(str(path))
    if rows is None:
        rows = pq.ParquetFile(path).read().to_pylist()
    if rows == []:
        return
    for row in rows:
        if row.get("map") == []:  # an empty map looks like an empty list
            row["map"] = {}
    text = "".join(json.dumps(as_json(row), ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    if same and (OUT / f"{same}.jsonl").exists():
        assert (OUT / f"{same}.jsonl").read_text() == text, name
    else:
        (OUT / f"{same or name}.jsonl").write_text(text)
    assert path.stat().st_size < 20_000, (name, path.stat().st_size)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(problems(40))
    every = types(60)
    for codec in ["none", "snappy", "gzip", "zstd", "lz4"]:
        save(f"pyarrow_{codec}", lambda p: pq.write_table(table, p, compression=codec), same="problems")
    save("pyarrow_types", lambda p: pq.write_table(every, p), same="types")
    save("pyarrow_v2", lambda p: pq.write_table(
        every, p, data_page_version="2.0", version="2.6", compression="zstd", use_dictionary=False,
        row_group_size=16, write_statistics=False), same="types")
    delta = {"int32": "DELTA_BINARY_PACKED", "int64": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY",
             "large": "DELTA_LENGTH_BYTE_ARRAY", "float32": "BYTE_STREAM_SPLIT", "float64": "BYTE_STREAM_SPLIT",
             "fixed": "DELTA_BYTE_ARRAY", "int8": "BYTE_STREAM_SPLIT", "bool": "RLE"}
    save("pyarrow_delta", lambda p: pq.write_table(
        every.select(list(delta)), p, column_encoding=delta, use_dictionary=False, compression="none",
        data_page_size=256))
    save("pyarrow_old", lambda p: pq.write_table(
        every.select(["text", "moment", "list", "decimal"]).slice(0, 11), p, version="1.0", use_deprecated_int96_timestamps=True,
        use_compliant_nested_type=False, store_decimal_as_integer=True, row_group_size=4))
    save("pyarrow_empty", lambda p: pq.write_table(table.slice(0, 0), p))
    save("pyarrow_brotli", lambda p: pq.write_table(table.slice(0, 2), p, compression="brotli"), [])
    frame = polars.DataFrame(problems(40))
    save("polars", lambda p: frame.write_parquet(p), same="problems")
    save("polars_snappy", lambda p: frame.write_parquet(p, compression="snappy", row_group_size=9), same="problems")
    source = OUT / "pyarrow_none.parquet"
    save("duckdb", lambda p: duckdb.sql(f"COPY (SELECT * FROM '{source}') TO '{p}' (FORMAT parquet)"), same="problems")
    save("duckdb_v2", lambda p: duckdb.sql(
        f"COPY (SELECT *, range FROM '{source}', range(40) LIMIT 60) TO '{p}' "
        "(FORMAT parquet, PARQUET_VERSION v2, CODEC zstd)"))
    constant = pa.table({"question": ["How many?"] * 5000, "answer": ["7"] * 5000, "id": list(range(5000))})
    rows = [{"question": "How many?", "answer": "7", "id": i} for i in (0, 2499, 4999)]
    save("pyarrow_many", lambda p: pq.write_table(constant, p, compression="zstd", row_group_size=1500,
                                                   column_encoding={"id": "DELTA_BINARY_PACKED"},
                                                   use_dictionary=["question", "answer"]), rows)


if __name__ == "__main__":
    main()
