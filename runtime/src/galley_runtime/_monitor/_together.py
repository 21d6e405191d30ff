"""Counting many requests of one row at once, column by column: a reference of 10,000 must not cost as much as its replay.

The cells are those of `Contribution`, which the tests hold this against.
"""

from collections import Counter

from ._share import SCALE


def count_inputs_and_joint(table, rows_by_column, moments, totals, requests):
    """Adds requests of one row each. `rows_by_column`: a list per column of `table.columns`, all as long as `moments`, which say when each happened."""
    size = len(rows_by_column[0]) if rows_by_column else 0
    if size == 0:
        return
    for index, offset, cells, position in table.inputs:
        for cell, times in Counter(map(cells.cell, rows_by_column[position])).items():
            totals[offset + cell] += times * SCALE
        requests[index] += size
    for index, offset, cells, position in table.characters:
        for value in rows_by_column[position]:
            for cell, amount in cells.shares([value]):
                totals[offset + cell] += amount
        requests[index] += size
    for index, offset, cells, position in table.ages:
        for value, seconds in zip(rows_by_column[position], moments):
            if seconds is not None:
                totals[offset + cells.cell_at(value, seconds)] += SCALE
                requests[index] += 1
    if table.projection is not None:
        columns = [rows_by_column[position] for position in table.projection_columns]
        for number, cells in enumerate(table.projection.cells_by_projection(columns)):
            for cell, times in Counter(cells).items():
                totals[table.projection_offsets[number] + cell] += times * SCALE
            requests[table.projection_first + number] += size
    if table.pairs is not None:
        counts = table.pairs.counts([rows_by_column[position] for position in table.pair_columns])
        for number, four in enumerate(counts):
            for cell, times in enumerate(four):
                totals[table.pair_offset + 4 * number + cell] += times * SCALE
            requests[table.pair_first + number] += sum(four)
