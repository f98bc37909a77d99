"""The vector programs that all compiled training is made of: a tile of a matrix product and a turned block.

Rules:
- They are written in LLVM's vectors, as wide as this machine's; LLVM makes machine code of them anywhere.
- Everything lies in one flat array of floats, `memory`; a matrix is a place in it.
- Widths are padded to whole vectors. What a program makes of padding nobody reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.extending import intrinsic

from gossipfl.learn.compiled.jit import compiled
from gossipfl.learn.contracts import Array

_FEATURES = get_host_cpu_features()
VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx2") else 16
_TILE_ROWS = 6
"""With two vectors to a row, as many sums as stay in the registers of any machine."""


class Matrix(NamedTuple):
    """A place in memory: where it begins, and how far apart its rows and columns are."""

    at: int
    row: int
    column: int


@compiled
def padded(size: int, memory: Array) -> int:
    """`size` rounded up to whole vectors of what is in `memory`."""
    lanes = VECTOR_BYTES // memory.itemsize
    return -(-size // lanes) * lanes


@compiled
def multiply(
    memory: Array, into: Matrix, left: Matrix, right: Matrix, rows: int, columns: int, depth: int, add: bool
) -> None:
    """Put `left` (rows, depth) @ `right` (depth, columns) `into` its place, or `add` it to what is there.

    `columns` are whole vectors. Each number is a sum over `depth` in its order, whatever the sizes.
    """
    lanes = VECTOR_BYTES // memory.itemsize
    tiles, first = -(-rows // _TILE_ROWS), 0
    for tile in range(tiles):
        some = -(-(rows - first) // (tiles - tile))
        for at in range(0, columns, 2 * lanes):
            vectors = min(2, (columns - at) // lanes)
            corner = Matrix(into.at + first * into.row + at, into.row, 1)
            above = Matrix(left.at + first * left.row, left.row, left.column)
            beside = Matrix(right.at + at, right.row, 1)
            _multiply_tile(memory, some, vectors, corner, above, beside, depth, add)
        first += some


@compiled
def turn(memory: Array, into: Matrix, source: Matrix, rows: int, columns: int) -> None:
    """Write `source` (rows, columns) transposed, in whole blocks: those of later columns first.

    So where the rows of `into` lie close together, as those of a peer's vector do, what overlaps is right.
    """
    lanes = VECTOR_BYTES // memory.itemsize
    for down in range(0, columns, lanes):
        for across in range((rows - 1) // lanes * lanes, -1, -lanes):
            block = Matrix(source.at + across * source.row + down, source.row, 1)
            _turn_block(memory, Matrix(into.at + down * into.row + across, into.row, 1), block)


@intrinsic  # type: ignore[untyped-decorator]
def _multiply_tile(
    _typing: Any, memory: Any, rows: Any, vectors: Any, into: Any, left: Any, right: Any, depth: Any, add: Any
) -> Any:
    """A product of up to _TILE_ROWS rows by two vectors, its sums being held in registers."""

    def build(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        rows, vectors, into, left, right, depth, add = args[1:]
        base, vector = _floats(context, builder, memory, args[0])
        for many in range(1, _TILE_ROWS + 1):
            for wide in (1, 2):
                right_size = builder.and_(
                    builder.icmp_signed("==", rows, rows.type(many)),
                    builder.icmp_signed("==", vectors, rows.type(wide)),
                )
                with builder.if_then(right_size):
                    places = [
                        _place(builder, base, into, r, v * vector.count)
                        for r in range(many)
                        for v in range(wide)
                    ]
                    lefts = [_place(builder, base, left, r, 0) for r in range(many)]
                    rights = [_place(builder, base, right, 0, v * vector.count) for v in range(wide)]
                    steps = builder.extract_value(left, 2), builder.extract_value(right, 1)
                    _sum(builder, vector, places, lefts, rights, steps, depth, add)
        return context.get_dummy_value()

    return types.void(memory, rows, vectors, into, left, right, depth, add), build


def _sum(
    builder: Any, vector: Any, places: Any, lefts: Any, rights: Any, steps: Any, depth: Any, add: Any
) -> None:
    """Sum up, at `places` row by row, the numbers at `lefts` times the vectors at `rights`."""
    wide = len(rights)
    nothing = ir.Constant(vector, [0.0] * vector.count)
    sums = [builder.select(add, _load(builder, vector, place), nothing) for place in places]
    before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(depth.type)
    running = [builder.phi(vector) for _ in sums]
    row, column = builder.mul(k, steps[1]), builder.mul(k, steps[0])
    columns = [_load(builder, vector, builder.gep(right, [row])) for right in rights]
    added = []
    for index, each in enumerate(running):
        number = builder.load(builder.gep(lefts[index // wide], [column]))
        product = builder.fmul(_spread(builder, vector, number), columns[index % wide], flags=("contract",))
        added.append(builder.fadd(each, product, flags=("contract",)))
    following = builder.add(k, k.type(1))
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)
    for phi, first, next_one in zip([k, *running], [k.type(0), *sums], [following, *added], strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(next_one, loop)
    builder.position_at_end(after)
    for place, total in zip(places, added, strict=True):
        _store(builder, total, place)


@intrinsic  # type: ignore[untyped-decorator]
def _turn_block(_typing: Any, memory: Any, into: Any, source: Any) -> Any:
    """Transpose a square block of a vector's width.

    Interleaving each vector with that half the block away moves one bit of an element's place from column to
    row; after as many rounds as a place has bits, rows are columns.
    """

    def build(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        base, vector = _floats(context, builder, memory, args[0])
        lanes = vector.count
        rows = [_load(builder, vector, _place(builder, base, args[2], r, 0)) for r in range(lanes)]
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
            rows = [
                _interleaved(builder, one, other, half) for one, other in pairs for half in (0, lanes // 2)
            ]
        for r, row in enumerate(rows):
            _store(builder, row, _place(builder, base, args[1], r, 0))
        return context.get_dummy_value()

    return types.void(memory, into, source), build


def _floats(context: Any, builder: Any, memory: Any, value: Any) -> tuple[Any, Any]:
    """A pointer to the first number of an array, and the type of a vector of its numbers."""
    real = context.get_value_type(memory.dtype)
    return context.make_array(memory)(context, builder, value).data, ir.VectorType(
        real, VECTOR_BYTES * 8 // memory.dtype.bitwidth
    )


def _place(builder: Any, base: Any, matrix: Any, row: int, column: int) -> Any:
    """A pointer to an element of a `Matrix` whose columns are next to one another."""
    at, step = builder.extract_value(matrix, 0), builder.extract_value(matrix, 1)
    at = builder.add(at, builder.mul(step, step.type(row)))
    return builder.gep(base, [builder.add(at, at.type(column))])


def _load(builder: Any, vector: Any, place: Any) -> Any:
    return builder.load(builder.bitcast(place, vector.as_pointer()), align=_align(vector))


def _store(builder: Any, value: Any, place: Any) -> None:
    builder.store(value, builder.bitcast(place, value.type.as_pointer()), align=_align(value.type))


def _align(vector: Any) -> int:
    return VECTOR_BYTES // int(vector.count)


def _spread(builder: Any, vector: Any, number: Any) -> Any:
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, nothing, _indices([0] * vector.count))


def _interleaved(builder: Any, one: Any, other: Any, half: int) -> Any:
    lanes = one.type.count
    places = [half + i // 2 + (i % 2) * lanes for i in range(lanes)]
    return builder.shuffle_vector(one, other, _indices(places))


def _indices(places: list[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(places)), [ir.IntType(32)(p) for p in places])
