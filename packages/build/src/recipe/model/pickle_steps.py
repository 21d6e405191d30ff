"""What each instruction of a pickle does to the stack, as far as names, short texts, numbers and flat tuples of them go."""

import re

from pickle_bytes import CannotTell, NotPickle

TUPLE_MAX = 64


class Name(tuple):
    """A module's attribute: (module, name)."""


class Array:
    """An array of joblib: its bytes follow the object that describes it."""

    def __init__(self):
        self.state = {}


class Kind(str):
    """The text of a numpy dtype."""


#: What is not kept.
OTHER = object()
MARK = object()


def kept_tuple(items):
    kept = (str, int, tuple, Kind)
    if len(items) > TUPLE_MAX or not all(item is OTHER or isinstance(item, kept) for item in items):
        return OTHER
    # One within another within another may stand for billions: only flat ones are kept.
    return tuple(OTHER if isinstance(item, tuple) and not isinstance(item, Name) else item for item in items)


def pushing(read):
    return lambda reader: reader.push(read(reader.data))


def sized(width):
    def step(reader):
        text = reader.data.text(reader.data.number(width))
        reader.push(OTHER if text is None else text)

    return step


def skipping(width):
    def step(reader):
        reader.data.skip(reader.data.number(width))
        reader.push(OTHER)

    return step


def fixed(width):
    def step(reader):
        reader.data.skip(width)
        reader.push(OTHER)

    return step


def of_line(reader):
    reader.data.line()
    reader.push(OTHER)


def of_text_line(reader):
    reader.push(reader.data.line() or OTHER)


def of_int_line(reader):
    text = (reader.data.line() or "").strip().rstrip("L")
    reader.push(int(text) if re.match(r"^-?\d{1,18}$", text) else OTHER)


def of_long(width):
    def step(reader):
        count = reader.data.number(width)
        if count > 16:
            reader.data.skip(count)
            reader.push(OTHER)
        else:
            reader.push(reader.data.number(count, True))

    return step


def of_global(reader):
    reader.named(reader.data.line(), reader.data.line())


def of_stack_global(reader):
    name = reader.pop()
    reader.named(reader.pop(), name)


def of_inst(reader):
    reader.named(reader.data.line(), reader.data.line())
    reader.pop()
    reader.pop_mark()
    reader.push(OTHER)


def of_obj(reader):
    items = reader.pop_mark()
    reader.push(reader.make(items[0] if items else OTHER, ()))


def of_reduce(reader):
    arguments = reader.pop()
    reader.push(reader.call(reader.pop(), arguments))


def of_new(count):
    def step(reader):
        arguments = [reader.pop() for _ in range(count)]
        reader.push(reader.make(reader.pop(), arguments[-1]))

    return step


def of_tuple(count):
    return lambda reader: reader.push(kept_tuple([reader.pop() for _ in range(count)][::-1]))


def of_protocol(reader):
    reader.protocol = reader.data.number(1)
    if reader.protocol > 5:
        raise NotPickle("it is of protocol %d, which there is not" % reader.protocol)


def of_memoize(reader):
    reader.remember(reader.count)
    reader.count += 1


def of_put(read):
    def step(reader):
        place = read(reader.data)
        reader.remember(place)
        reader.count += 1

    return step


def of_extension(width):
    def step(reader):
        raise CannotTell("it names classes by numbers of a registry")

    return step


def of_set_item(reader):
    value = reader.pop()
    reader.set_items([reader.pop(), value])


def of_dup(reader):
    value = reader.pop()
    reader.push(value)
    reader.push(value)


def of_pop(reader):
    if not reader.stack:
        raise NotPickle("at byte %d it takes what it never gave" % reader.data.size)
    reader.stack.pop()


def of_line_place(data):
    text = data.line() or ""
    return int(text) if re.match(r"^\d{1,18}$", text) else text


def dropping(count):
    def step(reader):
        for _ in range(count):
            reader.pop()

    return step


def dropping_and_pushing(reader):
    reader.pop()
    reader.push(OTHER)


def dropping_mark(reader):
    reader.pop_mark()


def from_mark(reader):
    reader.pop_mark()
    reader.push(OTHER)


def of_dict(reader):
    items = reader.pop_mark()
    reader.push({})
    reader.set_items(items)


STEPS = {
    ord("("): lambda reader: reader.push(MARK),
    ord("0"): of_pop,
    ord("1"): dropping_mark,
    ord("2"): of_dup,
    ord("F"): of_line,
    ord("I"): of_int_line,
    ord("L"): of_int_line,
    ord("J"): pushing(lambda data: data.number(4, True)),
    ord("K"): pushing(lambda data: data.number(1)),
    ord("M"): pushing(lambda data: data.number(2)),
    ord("G"): fixed(8),
    ord("N"): lambda reader: reader.push(OTHER),
    0x88: lambda reader: reader.push(OTHER),
    0x89: lambda reader: reader.push(OTHER),
    0x8A: of_long(1),
    0x8B: of_long(4),
    ord("S"): of_line,
    ord("T"): skipping(4),
    ord("U"): skipping(1),
    ord("B"): skipping(4),
    ord("C"): skipping(1),
    0x8E: skipping(8),
    0x96: skipping(8),
    0x97: lambda reader: reader.push(OTHER),  # NEXT_BUFFER
    0x98: lambda reader: None,  # READONLY_BUFFER
    ord("V"): of_text_line,
    ord("X"): sized(4),
    0x8C: sized(1),
    0x8D: sized(8),
    ord("P"): of_line,
    ord("Q"): dropping_and_pushing,
    ord("c"): of_global,
    0x93: of_stack_global,
    ord("i"): of_inst,
    ord("o"): of_obj,
    ord("R"): of_reduce,
    0x81: of_new(1),
    0x92: of_new(2),
    ord("b"): lambda reader: reader.build(),
    ord("]"): lambda reader: reader.push(OTHER),
    ord(")"): lambda reader: reader.push(()),
    ord("}"): lambda reader: reader.push({}),
    0x8F: lambda reader: reader.push(OTHER),  # EMPTY_SET
    ord("l"): from_mark,
    ord("t"): lambda reader: reader.push(kept_tuple(reader.pop_mark())),
    ord("d"): of_dict,
    0x91: from_mark,  # FROZENSET
    0x85: of_tuple(1),
    0x86: of_tuple(2),
    0x87: of_tuple(3),
    ord("a"): dropping(1),
    ord("e"): dropping_mark,
    0x90: dropping_mark,  # ADDITEMS
    ord("s"): of_set_item,
    ord("u"): lambda reader: reader.set_items(reader.pop_mark()),
    ord("h"): lambda reader: reader.recall(reader.data.number(1)),
    ord("j"): lambda reader: reader.recall(reader.data.number(4)),
    ord("g"): lambda reader: reader.recall(of_line_place(reader.data)),
    ord("q"): of_put(lambda data: data.number(1)),
    ord("r"): of_put(lambda data: data.number(4)),
    ord("p"): of_put(of_line_place),
    0x94: of_memoize,
    0x80: of_protocol,
    0x95: lambda reader: reader.data.skip(8),  # FRAME
    0x82: of_extension(1),
    0x83: of_extension(2),
    0x84: of_extension(4),
}
