#include "reward/mutate.h"

#include <algorithm>
#include <map>

#include "core/check.h"
#include "core/rng.h"
#include "reward/code_problem.h"
#include "sandbox/runner.h"

namespace r1 {
namespace {

// Changes are made in the text where the syntax tree says: the rest keeps its layout and comments.
constexpr const char* kScript = R"py(
import ast, copy, json, sys

source = sys.stdin.buffer.read().decode()
data = source.encode()
tree = ast.parse(source)
starts = [0]
for line in data.split(b'\n'):
    starts.append(starts[-1] + len(line) + 1)
parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
found = []

COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
               ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
              ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
              ast.LShift: ast.RShift, ast.RShift: ast.LShift}


def replace(node, text, kind):
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[node.end_lineno - 1] + node.end_col_offset
    changed = data[:begin] + text.encode() + data[end:]
    try:
        compile(changed, 'x', 'exec')
    except (SyntaxError, ValueError):
        return
    found.append({'source': changed.decode(), 'kind': kind, 'line': node.lineno})


def inside(node, kinds):
    while node in parents:
        node = parents[node]
        if isinstance(node, kinds):
            return node
    return None


def with_field(node, name, value):
    node = copy.deepcopy(node)
    setattr(node, name, value)
    return ast.unparse(node)


def expression(node):
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            ops = list(node.ops)
            ops[i] = COMPARISONS[type(op)]()
            replace(node, with_field(node, 'ops', ops), 'comparison')
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        text = with_field(node, 'op', ARITHMETIC[type(node.op)]())
        replace(node, '(' + text + ')' if isinstance(parents[node], ast.BinOp) else text, 'arithmetic')
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        text = with_field(node, 'op', other)
        replace(node, '(' + text + ')' if isinstance(parents[node], ast.expr) else text, 'boolean')
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        replace(node, ast.unparse(node.operand), 'condition')
    elif isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 1 << 40:
        for value in (node.value + 1, node.value - 1):
            replace(node, str(value) if value >= 0 else '(%d)' % value, 'constant')
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        replace(node, str(not node.value), 'constant')
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        function = inside(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if function is not None:
            names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            names |= {a.arg for a in function.args.args}
            if node.id in names:
                for name in sorted(names - {node.id})[:3]:
                    replace(node, name, 'variable')
    elif isinstance(node, ast.Call) and len(node.args) == 2 and not any(isinstance(a, ast.Starred) for a in node.args):
        replace(node, with_field(node, 'args', node.args[::-1]), 'arguments')


def statement(node):
    if isinstance(node, (ast.If, ast.While)) and not isinstance(node.test, ast.Constant):
        replace(node.test, 'not (' + ast.unparse(node.test) + ')', 'condition')
    simple = (ast.Assign, ast.AugAssign, ast.Expr, ast.Break, ast.Continue)
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, simple) and not docstring:
        replace(node, 'pass', 'removed')
    if isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        replace(node, with_field(node, 'op', ARITHMETIC[type(node.op)]()), 'arithmetic')


for node in ast.walk(tree):
    if inside(node, ast.JoinedStr) is not None or inside(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) is None and isinstance(node, (ast.Import, ast.ImportFrom)):
        continue
    if isinstance(node, ast.expr):
        expression(node)
    elif isinstance(node, ast.stmt):
        statement(node)
seen = {source}
for mutant in found:
    if mutant['source'] not in seen and len(seen) < 2000:
        seen.add(mutant['source'])
        print(json.dumps(mutant))
)py";

std::string unix_lines(std::string text) {
    std::erase(text, '\r');
    return text;
}

}  // namespace

std::vector<Mutant> mutants_of(const std::string& source) {
    sandbox::Job job;
    job.mode = sandbox::Job::Mode::python;
    job.source = kScript;
    job.input = unix_lines(source);
    job.limits.cpu_seconds = 20;
    job.limits.wall_seconds = 60;
    job.limits.output_bytes = size_t{64} << 20;
    const sandbox::Result result = sandbox::run(job);
    check(result.failure.empty(), result.failure);
    check(result.ok(), "mutants: the source cannot be read as Python: ",
          result.errors.substr(result.errors.size() - std::min<size_t>(result.errors.size(), 200)));
    std::vector<Mutant> mutants;
    for (size_t at = 0; at < result.output.size();) {
        const size_t end = std::min(result.output.find('\n', at), result.output.size());
        const nlohmann::json row = nlohmann::json::parse(result.output.substr(at, end - at));
        mutants.push_back({row.at("source"), row.at("kind"), row.at("line")});
        at = end + 1;
    }
    return mutants;
}

std::vector<nlohmann::json> make_bugfixes(const nlohmann::json& gold, const std::string& source,
                                          uint64_t seed, size_t count, size_t tries) {
    CodeProblem problem = parse_code_problem(gold);
    check(problem.language == "python", "mutants: only Python programs are changed");
    const CodeRun works = run_code(problem, source, false);
    check(works.outcome == Outcome::correct, "mutants: the program does not pass its tests: ", works.reason);
    // a change may make an endless loop
    problem.limits.cpu_seconds = std::min(problem.limits.cpu_seconds, 2.0);
    problem.limits.wall_seconds = std::min(problem.limits.wall_seconds, 8.0);
    std::vector<Mutant> mutants = mutants_of(source);
    Rng rng(seed);
    rng.shuffle(mutants);
    std::map<std::string, int> number;  // in its kind: the kinds take turns, whatever there is most of
    std::map<std::string, int> turn;
    for (const Mutant& mutant : mutants) turn[mutant.source] = number[mutant.kind]++;
    std::stable_sort(mutants.begin(), mutants.end(),
                     [&](const Mutant& a, const Mutant& b) { return turn[a.source] < turn[b.source]; });
    std::vector<const Mutant*> chosen, passing_none;
    for (size_t i = 0; i < std::min(mutants.size(), tries * count) && chosen.size() < count; ++i) {
        const CodeRun run = run_code(problem, mutants[i].source, true);
        if (run.outcome == Outcome::correct || run.total == 0) continue;
        const bool passes_some = std::count(run.passed.begin(), run.passed.end(), true) > 0;
        (passes_some ? chosen : passing_none).push_back(&mutants[i]);
    }
    chosen.insert(chosen.end(), passing_none.begin(), passing_none.end());
    if (chosen.size() > count) chosen.resize(count);
    std::vector<nlohmann::json> problems;
    for (const Mutant* mutant : chosen) {
        problems.push_back(gold);
        problems.back()["buggy"] = mutant->source;
        problems.back()["mutation"] = {{"kind", mutant->kind}, {"line", mutant->line}};
    }
    return problems;
}

}  // namespace r1
