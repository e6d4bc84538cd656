#include "sandbox/scripts.h"

namespace r1::sandbox {

// A tester and a candidate, each in a box of its own, joined by two pipes. What passes is data in a strict
// encoding: the tester rebuilds plain values of built-in types from it, so no code of the candidate (an
// __eq__, a patched built-in) runs where verdicts are made. What is no data stays where it is and is known by
// a number to the other side (Remote). The candidate may call what a test hands to it, and use the public
// attributes of objects of the test's own classes; it sees nothing else of the tester.
const std::string_view calls_script = R"py(
class CandidateGone(BaseException):
    pass


class CandidateError(Exception):
    pass


MOST_BYTES, MOST_DEPTH = 32 << 20, 200
CONTAINERS = {'l': list, 't': tuple, 's': set, 'z': frozenset, 'q': collections.deque}
TIMES = {'date': datetime.date, 'time': datetime.time, 'datetime': datetime.datetime, 'timedelta': datetime.timedelta}


SHARED = {kind.__name__: kind for kind in (
    bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, object, type(None), abs, all, any, chr, len, max,
    min, ord, pow, repr, reversed, round, sorted, sum, ValueError, TypeError, KeyError, IndexError, ZeroDivisionError)}


class Peer:
    def __init__(self, reader, writer, tester):
        self.reader, self.writer, self.tester = reader, writer, tester
        self.mine, self.numbers, self.remotes = {}, {}, {}
        self.gone = None  # why the other side cannot be asked any more
        self.calls, self.raised = 0, None
        self.module = None

    # --- values

    def encode(self, value, depth=0):
        kind = type(value)
        if value is None or kind is bool or kind is str or kind is float:
            return value
        if kind is int:
            return value if -(1 << 60) < value < 1 << 60 else ['I', hex(value)]
        if depth > MOST_DEPTH:
            raise ValueError('values are nested too deeply')
        for tag, container in CONTAINERS.items():
            if kind is container:
                return [tag] + [self.encode(item, depth + 1) for item in value]
        if kind is dict or kind is collections.defaultdict:
            return ['d'] + [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()]
        if kind is Remote:
            peer, number = object.__getattribute__(value, '_peer'), object.__getattribute__(value, '_number')
            return ['o', number] if peer is self else self.handle(value)
        return self.encode_rare(value, kind, depth)

    def encode_rare(self, value, kind, depth):
        if kind is collections.Counter or kind is collections.OrderedDict:
            tag = 'C' if kind is collections.Counter else 'O'
            return [tag] + [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()]
        if kind is bytes or kind is bytearray:
            return ['B' if kind is bytes else 'A', value.hex()]
        if kind is complex:
            return ['c', value.real, value.imag]
        if kind is range:
            return ['r'] + [self.encode(part) for part in (value.start, value.stop, value.step)]
        if kind is fractions.Fraction:
            return ['F', self.encode(value.numerator), self.encode(value.denominator)]
        if kind is decimal.Decimal:
            return ['D', str(value)]
        if kind is datetime.timedelta:
            return ['T', 'timedelta', value.days, value.seconds, value.microseconds]
        if kind is datetime.datetime and value.tzinfo is None:
            return ['T', 'datetime', *value.timetuple()[:6], value.microsecond]
        if kind is datetime.date:
            return ['T', 'date', value.year, value.month, value.day]
        if kind is datetime.time and value.tzinfo is None:
            return ['T', 'time', value.hour, value.minute, value.second, value.microsecond]
        if isinstance(value, (type, types.BuiltinFunctionType)) and SHARED.get(value.__name__) is value:
            return ['Y', value.__name__]
        if isinstance(value, (dict, list, tuple, str, int, float)):  # subclasses, as named tuples, go as their base
            for base in (dict, list, tuple, str, int, float):
                if isinstance(value, base):
                    return self.encode(base(value), depth)
        if not self.tester and hasattr(kind, '__index__'):
            return self.encode(operator.index(value), depth)
        return self.handle(value)

    def handle(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            number = len(self.mine)
            self.mine[number] = value  # kept: the other side may use it as long as both live
            self.numbers[id(value)] = number
        return ['h', number, callable(value)]

    def decode(self, value):
        if type(value) is not list:
            return value
        tag, items = value[0], value[1:]
        if tag in CONTAINERS:
            return CONTAINERS[tag](self.decode(item) for item in items)
        if tag == 'd' or tag == 'C' or tag == 'O':
            kind = {'d': dict, 'C': collections.Counter, 'O': collections.OrderedDict}[tag]
            return kind({self.decode(k): self.decode(v) for k, v in items})
        if tag == 'I':
            return int(items[0], 16)
        if tag == 'h':
            number = items[0]
            if number not in self.remotes:
                self.remotes[number] = Remote(self, number, bool(items[1]))
            return self.remotes[number]
        if tag == 'o':
            return self.mine[items[0]]
        return self.decode_rare(tag, items)

    def decode_rare(self, tag, items):
        if tag == 'B' or tag == 'A':
            return (bytes if tag == 'B' else bytearray).fromhex(items[0])
        if tag == 'c':
            return complex(float(items[0]), float(items[1]))
        if tag == 'r':
            return range(*(self.decode(item) for item in items))
        if tag == 'F':
            return fractions.Fraction(*(self.decode(item) for item in items))
        if tag == 'D':
            return decimal.Decimal(str(items[0]))
        if tag == 'Y':
            return SHARED[items[0]]
        if tag == 'T':
            return TIMES[items[0]](*(operator.index(item) for item in items[1:]))
        raise ValueError('unknown kind of value')

    # --- messages

    def send(self, message):
        data = json.dumps(message).encode()
        if len(data) > MOST_BYTES:
            raise ValueError('a value is too large to pass')
        data = len(data).to_bytes(4, 'little') + data
        while data:
            data = data[os.write(self.writer, data):]

    def receive(self):
        size = int.from_bytes(self.read(4), 'little')
        if size > MOST_BYTES:
            raise self.lost('it sent too much')
        return json.loads(self.read(size))

    def read(self, size):
        pieces = []
        while size:
            piece = os.read(self.reader, min(size, 1 << 20))
            if not piece:
                raise self.lost('it ended')
            pieces.append(piece)
            size -= len(piece)
        return b''.join(pieces)

    def lost(self, reason):
        self.gone = self.gone or reason
        return CandidateGone(reason)

    def ask(self, *message):
        if self.gone:
            raise CandidateGone(self.gone)
        self.calls += message[0] == 'call'
        self.send(message)
        while True:
            try:
                reply = self.receive()
                if reply[0] == 'value':
                    if self.tester and len(reply) > 2:
                        self.mutations = [self.decode(item) for item in reply[2]]
                    return self.decode(reply[1])
                if reply[0] == 'raise':
                    error = self.decode_error(reply)
            except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, AttributeError,
                    ArithmeticError, AssertionError, MemoryError) as error:
                raise self.lost('it sent no proper answer: ' + type(error).__name__)
            if reply[0] == 'raise':
                self.raised = error
                raise error
            self.answer(reply)

    def decode_error(self, reply):
        name, text = str(reply[1]), str(reply[2])
        kind = getattr(builtins, name, None)
        if name.isidentifier() and isinstance(kind, type) and issubclass(kind, Exception):
            if issubclass(kind, (StopIteration, StopAsyncIteration)):
                kind = RuntimeError  # else a loop of the test over its cases would end as if there were no more
            try:
                return kind(text)
            except TypeError:
                pass
        return CandidateError(name + ': ' + text)

    def answer(self, message):
        try:
            arguments = [self.decode(item) for item in message[1:]]
            before = None
            if message[0] == 'call' and not self.tester:
                before = [json.dumps(self.encode(item)) for item in arguments[1]]
            value = (self.serve_tester if self.tester else self.serve)(message[0], *arguments)
            reply = ['value', self.encode(value)]
            if before is not None and value is None:  # functions that change their arguments return nothing
                after = [self.encode(item) for item in arguments[1]]
                if [json.dumps(item) for item in after] != before:
                    reply.append(after)
            self.send(reply)
        except CandidateGone:
            raise
        except BaseException as error:
            try:
                text = str(error)[:2000]
            except BaseException:
                text = ''
            self.send(['raise', type(error).__name__, text])

    def serve(self, verb, target, *rest):
        if verb == 'get':
            return getattr(self.module, target)
        if verb == 'find':  # a function, or a method of a class Solution
            if hasattr(self.module, target) or not hasattr(self.module, 'Solution'):
                return getattr(self.module, target)
            return getattr(self.module.Solution(), target)
        if verb == 'call':
            return target(*rest[0], **rest[1])
        return ACTIONS[verb](target, *rest)

    def serve_tester(self, verb, target, *rest):
        if verb == 'call' and (isinstance(target, (types.FunctionType, types.MethodType))
                               or isinstance(target, type) and target.__module__ == 'test'):
            return target(*rest[0], **rest[1])
        own = type(target).__module__ == 'test'
        if verb in ('attr', 'setattr') and own and isinstance(rest[0], str) and not rest[0].startswith('_'):
            if verb == 'setattr' and hasattr(type(target), rest[0]):
                raise PermissionError('the test does not offer that')  # a method of the test stays what it is
            return ACTIONS[verb](target, *rest)
        if verb in ('next', 'iter') and isinstance(target, (types.GeneratorType, collections.abc.Iterator)):
            return ACTIONS[verb](target, *rest)
        if verb in ('iter', 'len', 'item', 'str', 'bool', 'less', 'equal', 'contains') and own:
            return ACTIONS[verb](target, *rest)
        if verb in ('bool', 'str'):
            return True if verb == 'bool' else 'object of the test'
        raise PermissionError('the test does not offer that')


def next_item(iterator):
    try:
        return [next(iterator)]
    except StopIteration:
        return None


def set_attribute(target, name, value):
    setattr(target, name, value)


def set_item(target, key, value):
    target[key] = value


ACTIONS = {'attr': getattr, 'setattr': set_attribute, 'iter': iter, 'next': next_item, 'len': len, 'str': str,
           'bool': bool, 'item': operator.getitem, 'setitem': set_item, 'contains': operator.contains,
           'less': operator.lt, 'equal': operator.eq}


class Remote:  # something of the other side that is no plain data; equal to itself alone
    __slots__ = ('_peer', '_number', '_callable', '__weakref__')

    def __init__(self, peer, number, can_call):
        object.__setattr__(self, '_peer', peer)
        object.__setattr__(self, '_number', number)
        object.__setattr__(self, '_callable', can_call)

    def __getattr__(self, name):
        if name.startswith('__') and name != '__name__':
            raise AttributeError(name)
        return remote_ask(self, 'attr', name)

    def __setattr__(self, name, value):
        remote_ask(self, 'setattr', name, value)

    def __call__(self, *args, **kwargs):
        peer = object.__getattribute__(self, '_peer')
        peer.mutations = None
        value = remote_ask(self, 'call', list(args), kwargs)
        if value is None and peer.mutations is not None:
            for old, new in zip(args, peer.mutations):
                follow(old, new)
        return value

    def __iter__(self):
        iterator = remote_ask(self, 'iter')
        if type(iterator) is not Remote:
            raise TypeError('not an iterator')
        return iterator

    def __next__(self):
        item = remote_ask(self, 'next')
        if type(item) is not list or len(item) != 1:
            raise StopIteration
        return item[0]

    def __len__(self):
        return operator.index(remote_ask(self, 'len'))

    def __getitem__(self, key):
        return remote_ask(self, 'item', key)

    def __setitem__(self, key, value):
        remote_ask(self, 'setitem', key, value)

    def __contains__(self, item):
        return remote_ask(self, 'contains', item) is True

    def __bool__(self):
        return remote_ask(self, 'bool') is True

    def __str__(self):
        text = remote_ask(self, 'str')
        return text if type(text) is str else ''

    __repr__ = __str__


def remote_ask(remote, verb, *rest):
    peer = object.__getattribute__(remote, '_peer')
    return peer.ask(verb, ['o', object.__getattribute__(remote, '_number')], *(peer.encode(item) for item in rest))


def follow(old, new):  # what a call has changed in its arguments, changed here too
    if type(old) is not type(new):
        return
    if type(old) is list:
        old[:] = [merged(a, b) for a, b in itertools.zip_longest(old[:len(new)], new)] if new else []
    elif type(old) is dict or type(old) is set:
        old.clear()
        old.update(new)


def merged(old, new):
    if type(old) is list and type(new) is list:
        follow(old, new)
        return old
    return new


# What LeetCode's judge has at hand for a class Solution.
SOLUTION_NAMES = """
import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from typing import *
from builtins import pow
"""


def serve_candidate(source):
    standard_streams()
    sys.stdout = sys.__stdout__ = open(os.devnull, 'w')
    peer = Peer(3, 4, tester=False)
    peer.module = fresh_main('main')
    failure = None
    if b'class Solution' in source:
        exec(SOLUTION_NAMES, peer.module.__dict__)
    try:
        exec(compile(source, 'main.py', 'exec'), peer.module.__dict__)
    except BaseException as error:
        failure = type(error).__name__ + ': ' + str(error)[:2000]
    peer.send(['loaded', failure])
    while True:
        try:
            peer.answer(peer.receive())
        except CandidateGone:
            return 0
)py";

}  // namespace r1::sandbox
