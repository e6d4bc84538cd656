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


class Finder:  # of modules that the system lacks: those that tests bring, and the candidate under any other name
    def __init__(self, peer, support, data):
        self.peer, self.support = peer, support
        pytest = types.ModuleType('pytest')
        pytest.approx, pytest.raises, pytest.mark, pytest.skip = Approx, Raises, Mark(), skip
        pytest.use_correct = pytest.run_slow = False
        loader = types.ModuleType('load_testdata')
        loader.load_json_testcases = lambda _: [[case[0] if isinstance(case[0], list) else [case[0]], case[1]]
                                                for case in data or []]
        sys.modules.update(pytest=pytest, load_testdata=loader)

    def find_spec(self, name, path=None, target=None):
        import importlib.machinery
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
    code = compile(spec['tests'], 'test.py', 'exec')
    if style == 'check':
        exec(code, names)
        return [lambda: names['check'](names[entry_point])]
    return module_tests(code, names)


def find_callee(tests, names, peer):  # tests that use only built-in names mean the candidate's function of that name
    for test in tests:
        nodes = list(ast.walk(ast.parse(test)))
        used = [node.id for node in nodes if isinstance(node, ast.Name)]
        if any(name not in names and not hasattr(builtins, name) and name not in sys.stdlib_module_names for name in used):
            return
    called = [node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    if called:
        names[called[0]] = peer.ask('find', called[0])


def call_test(peer, test, tolerance):
    def run():
        got = plain(peer.ask('find', test['fn'])(*test['args']))
        expected = test['expected']
        matches = same(got, expected, test.get('tolerance', tolerance))
        if not matches and test.get('wrapped') and type(expected) is list and len(expected) == 1:
            matches = same(got, expected[0], test.get('tolerance', tolerance))
        assert matches, 'another value is expected'
    return run


def module_tests(code, names):
    try:
        exec(code, names)
    except Skipped:
        return []
    tests = []
    for name, item in list(names.items()):
        if isinstance(item, types.FunctionType) and name.startswith('test'):
            for case in getattr(item, 'cases', [{}]):
                tests.append(lambda item=item, case=case: item(**case))
        elif isinstance(item, type) and item.__module__ == 'test':
            tests += [method_test(item, method) for method in dir(item) if method.startswith('test')]
    return tests or [lambda: None]


def method_test(kind, method):
    def run():
        if hasattr(kind, 'assertEqual'):
            import unittest
            outcome = unittest.TestResult()
            kind(method).run(outcome)
            assert outcome.wasSuccessful(), (outcome.errors + outcome.failures)[0][1].strip().split('\n')[-1]
        else:
            instance = kind()
            getattr(instance, 'setup_method', lambda *_: None)()
            getattr(instance, method)()
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
            verdict['unmade'] = peer.gone is None and not isinstance(error, (AttributeError, NameError))
        for test in tests:
            verdict['results'].append(run_test(test, spec, peer))
    os.write(5, json.dumps(verdict).encode())
    return 0


def throw(error):
    raise error


def run_test(test, spec, peer):
    try:
        test()
        reason = ''
    except Skipped:
        reason = ''
    except BaseException as error:
        reason = reason_of(error, spec)
    if peer.gone:
        reason = 'the candidate cannot be asked any more: ' + peer.gone
    return {'passed': not reason, 'reason': reason}
)py";

}  // namespace r1::sandbox
