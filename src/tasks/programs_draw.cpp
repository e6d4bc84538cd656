#include <algorithm>
#include <set>
#include <span>

#include "core/check.h"
#include "tasks/programs.h"

namespace r1::programs {
namespace {

using mini_python::Value;

// Patterns of programs. {a..b} is a number, {x|y|z} one of these texts, {@rule x y} one of a rule's patterns
// with x for A and y for B.
using Patterns = std::span<const std::string_view>;

constexpr std::string_view combine[] = {
    "A + B", "A - B", "A * {2..5} + B", "(A + B) % {3..11}", "max(A, B) - {1..6}", "abs(A - B) + {1..6}"};
constexpr std::string_view change[] = {"A * {2..6}{ + | - }{1..9}", "A + {2..15}", "A // {2..4} + {1..9}",
                                       "(A + {1..9}) % {4..13}", "{10..30} - A"};
constexpr std::string_view condition[] = {"A % 2 == {0..1}", "A % 3 == {0..2}", "A % 4 == {0..3}",
                                          "A > {2..8}",      "A < {3..9}",      "A % 2 != 0 or A > {5..9}"};
constexpr std::string_view update[] = {"A += B", "A += B * {2..4}", "A -= B{| + 1| - 1}",
                                       "A = (A * {2..3} + B) % {11..50}", "A += {1..5}"};

struct Rule {
    std::string_view name;
    Patterns patterns;
};
constexpr Rule rules[] = {
    {"combine", combine}, {"change", change}, {"condition", condition}, {"update", update}};

constexpr std::string_view straight_line[] = {
    R"(def f(x):
    a = {@change x}
    b = {@combine a x}
    return {@combine a b}
)",
    R"(def f(x):
    a = {@change x}
    b = {@combine a x}
    a = {@change b}
    return {@combine a b}
)",
    R"(def f(x, y):
    a = {@combine x y}
    b = {@combine a y}
    return {@combine a b}
)"};
constexpr std::string_view range_loop[] = {
    R"(def f(n):
    total = {0..10}
    for i in range({n|1, n + 1|n, 0, -1|0, n * 2, 3}):
        if {@condition i}:
            {@update total i}
    return {total|@change total}
)",
    R"(def f(n):
    total = {0..10}
    for i in range({n|1, n + 1|n, 0, -1|0, n * 2, 3}):
        if {@condition i}:
            {@update total i}
        else:
            {@update total i}
    return {total|@change total}
)"};
constexpr std::string_view sequence_loop[] = {
    R"(def f(items):
    result = []
    for x in items:
        if {@condition x}:
            result.append({@change x})
        else:
            result.append(x)
    return {result|result[::-1]|sorted(result)|sum(result)|result + [len(result)]|result[1:] + result[:1]}
)",
    R"(def f(items):
    result = []
    for x in items:
        if {@condition x}:
            result.append({@change x})
    return {result|result[::-1]|sorted(result)|sum(result)|result + [len(result)]|result[1:] + result[:1]}
)",
    R"(def f(items):
    total = {0..5}
    last = {0..5}
    for x in items:
        if x > last{| + 1| - 1}:
            {@update total x}
        last = {x|max(last, x)|total % 7}
    return total{| * 2 - last| * 3 - last| + last}
)",
    R"(def f(s):
    out = ''
    for c in s:
        if c {in 'aeiou'|not in 'aeiou'|< 'm'|not in out|in out}:
            out = {out + c|c + out|out + c.upper()|out + c + c}
        else:
            out = {out + '-'|c + out|out + str(len(out))|out[::-1] + c|out}
    return {out|out[::-1]|out + str(len(s))|out[1:]}
)"};
constexpr std::string_view several_loops[] = {
    R"(def f(n, k):
    steps = 0
    while n > k:
        if {@condition n}:
            n = n // {2..3}
        else:
            n = n - {1..4}
        steps += 1
    return {steps * 10 + n|[n, steps]|n + k * steps|@combine n steps}
)",
    R"(def f(items, k):
    count = {0..3}
    for i in range(len(items)):
        for j in range(i + 1, len(items)):
            if {items[i] + items[j] > k|(items[i] + items[j]) % k == 0|abs(items[i] - items[j]) < k|items[i] > items[j]}:
                count += {1|items[i]|items[j]|j - i|items[i] - items[j]}
    return {count * 2|count + k|count - items[0]|@change count}
)",
    R"(def f(items, k):
    a = [{@change x} for x in items if {@condition x}]
    b = [x - k for x in items if x > k]
    if len(a) > {len(b)|1|2}:
        a = a[{1..2}:]
    return {sum(a) - sum(b)|a + b|sorted(a + b)|len(a) * 10 + len(b)|[x for x in a if x not in b]}
)"};
constexpr Patterns levels[] = {straight_line, range_loop, sequence_loop, several_loops};

std::string_view pick(Rng& rng, Patterns patterns) {
    return patterns[rng.below(static_cast<uint32_t>(patterns.size()))];
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (size_t end; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + 1))
        parts.push_back(text.substr(0, end));
    parts.push_back(text);
    return parts;
}

std::string expand(Rng& rng, std::string_view pattern) {
    std::string out;
    for (size_t open; (open = pattern.find('{')) != std::string_view::npos;) {
        const size_t close = pattern.find('}', open);
        out += pattern.substr(0, open);
        const std::string_view inside = pattern.substr(open + 1, close - open - 1);
        pattern.remove_prefix(close + 1);
        if (const size_t dots = inside.find(".."); dots != std::string_view::npos) {
            const int low = std::stoi(std::string(inside.substr(0, dots)));
            const int high = std::stoi(std::string(inside.substr(dots + 2)));
            out += std::to_string(rng.range(low, high));
            continue;
        }
        const std::string_view chosen = pick(rng, split(inside, '|'));
        if (!chosen.starts_with('@')) {
            out += chosen;
            continue;
        }
        const auto words = split(chosen.substr(1), ' ');
        const auto* rule = std::find_if(std::begin(rules), std::end(rules),
                                        [&](const Rule& r) { return r.name == words[0]; });
        std::string filled;
        for (const char c : pick(rng, rule->patterns))
            filled += c == 'A' ? words[1] : c == 'B' ? words[2] : std::string_view(&c, 1);
        out += expand(rng, filled);
    }
    return out += pattern;
}

std::vector<Value> arguments_of(Rng& rng, const mini_python::Program& program, int level) {
    std::vector<Value> out;
    for (const std::string& parameter : program.parameters) {
        if (parameter == "items") {
            std::vector<Value> items;
            for (int i = rng.range(4, 6); i > 0; --i)
                items.push_back({static_cast<int64_t>(rng.range(1, 12))});
            out.push_back({std::move(items)});
        } else if (parameter == "s") {
            static constexpr char letters[] = "aeioubcdlmnprst";
            std::string text;
            for (int i = rng.range(4, 7); i > 0; --i) text += letters[rng.below(15)];
            out.push_back({std::move(text)});
        } else if (parameter == "k") {
            out.push_back({static_cast<int64_t>(rng.range(2, 6))});
        } else if (parameter == "n") {
            out.push_back({static_cast<int64_t>(level == 4 ? rng.range(20, 90) : rng.range(3, 9))});
        } else {
            out.push_back({static_cast<int64_t>(rng.range(1, 20))});
        }
    }
    return out;
}

}  // namespace

Puzzle draw(Rng& rng, int level) {
    constexpr int trials = 8;
    constexpr size_t longest_output = 60;
    for (;;) {
        Puzzle puzzle;
        puzzle.source = expand(rng, pick(rng, levels[level - 1]));
        const mini_python::Program program = mini_python::parse_program(puzzle.source);
        std::set<std::string> outputs;
        int hits = 0;  // other arguments that give the same
        bool usable = true;
        for (int i = 0; i < trials && usable; ++i) {
            const auto arguments = arguments_of(rng, program, level);
            const mini_python::Run run = mini_python::run(program, arguments, 5000);
            usable = run.value.has_value();
            if (!usable) break;
            const std::string text = mini_python::repr(*run.value);
            if (i == 0)
                puzzle.arguments = arguments, puzzle.output = *run.value,
                usable = text.size() <= longest_output;
            hits += i > 0 && *run.value == puzzle.output;
            outputs.insert(text);
        }
        if (usable && outputs.size() >= 4 && hits <= 2) return puzzle;
    }
}

std::string canonical(const Puzzle& puzzle) {
    return "program " + puzzle.source;
}

}  // namespace r1::programs
