#include "sandbox/scripts.h"

namespace r1::sandbox {

// The tester's side: runs the tests of a data set with the candidate's functions behind a Peer, and writes
// {"nonce", "loaded", "results": [{"passed", "reason"}]} to descriptor 5. Styles:
//   check    test defines check(candidate)                 asserts  each test is a statement
//   calls    each test is {fn, args, expected, tolerance}  pytest   a module with test functions or classes
const std::string_view tester_script = R"py(
class TestGlobals(dict):  # names that a test does not define: the system's modules, then the candidate's names
    def __init__(self, peer):
        super().__init__(__name__='test', __builtins__=builtins)
        self.peer = peer

    def __missing__(self, name):
        if hasattr(builtins, name):
            raise KeyError(name)
        try:
            self[name] = __import__(name) if name in sys.stdlib_module_names else self.peer.ask('get', name)
        except AttributeError:
            raise NameError('the candidate defines no ' + name)
        return self[name]


class Skipped(Exception):
    pass


class Unsupported(Exception):
    pass


class Approx:
    def __init__(self, expected, rel=None, abs=None):
        self.expected = expected
        self.rel = 1e-6 if rel is None and abs is None else rel or 0
        self.abs = 1e-12 if abs is None else abs

    def __eq__(self, got):
        if type(self.expected) in (list, tuple):
            return type(got) is type(self.expected) and len(got) == len(self.expected) and all(
                Approx(b, self.rel, self.abs) == a for a, b in zip(got, self.expected))
        return type(got) in (int, float) and (got == self.expected or math.isclose(
            got, self.expected, rel_tol=self.rel, abs_tol=self.abs))


THIRD_PARTY = {'numpy', 'pandas', 'scipy', 'sympy', 'sklearn', 'torch', 'requests', 'matplotlib', 'hypothesis', 'attr'}


class Raises:
    def __init__(self, kind, match=None):
        self.kind, self.match = kind, match

    def __enter__(self):
        return self

    def __exit__(self, kind, value, frames):
        assert kind is not None, 'did not raise'
        self.value = value
        return issubclass(kind, self.kind) and (self.match is None or re.search(self.match, str(value)) is not None)


class Mark:
    def __getattr__(self, name):
        return lambda *args, **kwargs: args[0] if len(args) == 1 and callable(args[0]) else lambda test: test

    def parametrize(self, names, cases, **_):
        def attach(test):
            names_list = names.replace(',', ' ').split() if isinstance(names, str) else list(names)
            test.cases = [dict(zip(names_list, case if len(names_list) > 1 else [case])) for case in cases]
            return test
        return attach


def skip(reason=''):
    raise Skipped(reason)


def fixture(function=None, **_):
    if function is None:
        return fixture
    function.fixture = True
    return function


class Finder:  # of modules that the system lacks: those that tests bring, and the candidate under any other name
    def __init__(self, peer, support, data):
        self.peer, self.support = peer, support
        pytest = types.ModuleType('pytest')
        pytest.approx, pytest.raises, pytest.mark, pytest.skip = Approx, Raises, Mark(), skip
        pytest.fixture = fixture
        pytest.use_correct = pytest.run_slow = False
        loader = types.ModuleType('load_testdata')
        loader.load_json_testcases = lambda _: [[case[0] if isinstance(case[0], list) else [case[0]], case[1]]
                                                for case in data or []]
        sys.modules.update(pytest=pytest, load_testdata=loader)

    def find_spec(self, name, path=None, target=None):
        import importlib.machinery
        if name.partition('.')[0] in THIRD_PARTY:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return types.ModuleType(spec.name) if spec.name in self.support else CandidateModule(spec.name, self.peer)

    def exec_module(self, module):
        if module.__name__ in self.support:
            source, module.__dict__['__name__'] = self.support[module.__name__], 'test'
            exec(compile(source, 'support.py', 'exec'), module.__dict__)


class CandidateModule(types.ModuleType):
    def __init__(self, name, peer):
        super().__init__(name)
        self.__dict__['_peer'] = peer

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return self._peer.ask('find', name)


def plain(value):
    if type(value) is Remote:
        return [plain(item) for item in value]
    if type(value) in (list, tuple):
        return [plain(item) for item in value]
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def same(got, expected, tolerance):
    if type(got) is list and type(expected) is list:
        return len(got) == len(expected) and all(same(a, b, tolerance) for a, b in zip(got, expected))
    if type(got) is dict and type(expected) is dict:
        return {str(key) for key in got} == {str(key) for key in expected} and all(
            same(item, expected[key if key in expected else str(key)], tolerance) for key, item in got.items())
    if type(got) in (int, float) and type(expected) in (int, float) and (type(got) is float or type(expected) is float):
        return got == expected or math.isclose(got, expected, rel_tol=1e-9, abs_tol=tolerance)
    return type(got) in (bool, int, float, str, type(None)) and got == expected


def make_tests(spec, peer):
    names = TestGlobals(peer)
    style, entry_point = spec['style'], spec.get('entry_point')
    if style == 'calls':
        return [call_test(peer, test, spec.get('tolerance', 0)) for test in spec['tests']]
    if spec.get('prelude'):
        exec(compile(spec['prelude'], 'prelude.py', 'exec'), names)
    if entry_point:
        names[entry_point] = peer.ask('find', entry_point)
    if spec.get('setup'):
        exec(compile(spec['setup'], 'setup.py', 'exec'), names)
    if style == 'asserts':
        find_callee(spec['tests'], names, peer)
        return [lambda code=compile(test, 'test.py', 'exec'): exec(code, names) for test in spec['tests']]
    sys.meta_path.append(Finder(peer, spec.get('support', {}), spec.get('testdata')))
    if style == 'check':
        exec(compile(spec['tests'], 'test.py', 'exec'), names)
        return [lambda: names['check'](names[entry_point])]
    return module_tests(spec['tests'], names)


AROUND_RESULTS = {'abs', 'all', 'any', 'bool', 'dict', 'float', 'frozenset', 'int', 'isinstance', 'len', 'list', 'round', 'set',
                  'sorted', 'str', 'tuple', 'type'}


def find_callee(tests, names, peer):  # tests that use only built-in names mean the candidate's function of that name
    for test in tests:
        nodes = list(ast.walk(ast.parse(test)))
        used = [node.id for node in nodes if isinstance(node, ast.Name)]
        if any(name not in names and not hasattr(builtins, name) and name not in sys.stdlib_module_names for name in used):
            return
    called = [node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    if called:  # the outermost, but for what tests put around a result
        name = next((name for name in called if name not in AROUND_RESULTS), called[0])
        names[name] = peer.ask('find', name)


def call_test(peer, test, tolerance):
    def run():
        got = plain(peer.ask('find', test['fn'])(*test['args']))
        expected = test['expected']
        matches = same(got, expected, test.get('tolerance', tolerance))
        if not matches and test.get('wrapped') and type(expected) is list and len(expected) == 1:
            matches = same(got, expected[0], test.get('tolerance', tolerance))
        assert matches, 'another value is expected'
    return run


class CountAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        self.generic_visit(node)
        return [ast.copy_location(ast.parse('count_assert()').body[0], node), node]


def module_tests(source, names):
    tree, count = ast.parse(source), []
    raises = any(isinstance(node, ast.Raise) for node in ast.walk(tree))
    names['count_assert'] = lambda: count.append(1)
    try:
        exec(compile(ast.fix_missing_locations(CountAsserts().visit(tree)), 'test.py', 'exec'), names)
    except Skipped:
        return []
    tests = []
    for name, item in list(names.items()):
        if isinstance(item, types.FunctionType) and name.startswith('test'):
            for case in getattr(item, 'cases', [{}]):
                tests.append(lambda item=item, case=case: run_function(item, case, names))
        elif isinstance(item, type) and item.__module__ == 'test':
            tests += [method_test(item, method, names) for method in dir(item) if method.startswith('test')]
    if not tests and not count and not raises:
        raise ValueError('there is no test in them')
    return tests or [lambda: None]  # a script, which has run


def run_function(function, case, names, *before):
    unfinished = []

    def value_of(name):
        if name in case:
            return case[name]
        maker = names.get(name)
        if not getattr(maker, 'fixture', False):
            raise Unsupported('a test needs the fixture ' + name + ', which is not known here')
        value = maker(*(value_of(needed) for needed in parameters(maker)))
        if isinstance(value, types.GeneratorType):
            unfinished.append(value)
            return next(value)
        return value

    function(*before, **{name: value_of(name) for name in parameters(function)[len(before):]})
    for generator in reversed(unfinished):
        next(generator, None)


def parameters(function):
    code = function.__code__
    return code.co_varnames[:code.co_argcount - len(function.__defaults__ or ())]


def method_test(kind, method, names):
    def run():
        if hasattr(kind, 'assertEqual'):
            import unittest
            outcome = unittest.TestResult()
            kind(method).run(outcome)
            assert outcome.wasSuccessful(), (outcome.errors + outcome.failures)[0][1].strip().split('\n')[-1]
        else:
            instance = kind()
            getattr(instance, 'setup_method', lambda *_: None)()
            function = getattr(kind, method)
            for case in getattr(function, 'cases', [{}]):
                run_function(function, case, names, instance)
    return run


def reason_of(error, spec):
    text = type(error).__name__
    try:
        text += ': ' + str(error)[:300] if str(error) else ''
    except BaseException:
        pass
    frames = traceback.extract_tb(error.__traceback__)
    lines = spec['tests'].split('\n') if isinstance(spec['tests'], str) else []
    for frame in reversed(frames):
        if frame.filename == 'test.py' and frame.lineno <= len(lines):
            return text + ' in: ' + lines[frame.lineno - 1].strip()[:200]
    return text


def run_tester(data):
    spec = json.loads(data)
    standard_streams()
    peer = Peer(3, 4, tester=True)
    verdict = {'nonce': spec['nonce'], 'loaded': False, 'results': []}
    try:
        loaded = peer.receive()
        verdict['failure'] = str(loaded[1])[:500] if loaded[1] is not None else None
        verdict['loaded'] = loaded == ['loaded', None]
    except BaseException as error:
        verdict['failure'] = 'the program ended while it was loaded'
    if verdict['loaded']:
        try:
            tests = make_tests(spec, peer)
        except BaseException as error:
            tests = [lambda error=error: throw(error)]
            # what goes wrong before the candidate is asked for anything is the tests' fault
            blamed = isinstance(error, (NameError, TypeError, AssertionError))  # it lacks a name, or is not callable
            verdict['unmade'] = not (peer.gone or peer.calls or error is peer.raised or blamed)
        for test in tests:
            verdict['results'].append(run_test(test, spec, peer, verdict))
    os.write(5, json.dumps(verdict, ensure_ascii=False).encode(errors='replace'))  # a reason may be no Unicode
    return 0


def throw(error):
    raise error


def run_test(test, spec, peer, verdict):
    try:
        test()
        reason = ''
    except Skipped:
        reason = ''
    except BaseException as error:
        reason = reason_of(error, spec)
        verdict['unmade'] = verdict.get('unmade', False) or isinstance(error, Unsupported)
    if peer.gone:
        reason = 'the candidate cannot be asked any more: ' + peer.gone
    return {'passed': not reason, 'reason': reason}
)py";

}  // namespace r1::sandbox
