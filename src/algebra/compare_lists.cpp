// Lists of answers: several solutions, values of several unknowns, sets.
#include <algorithm>
#include <map>

#include "algebra/comparer.h"

namespace r1::algebra {
namespace {

// What a list says, whatever its writing.
struct Items {
    std::vector<Expr> values;
    std::vector<std::string>
        names;  // of values that several unknowns have ("k = 45, n = 2"); otherwise empty
    bool unordered = false;
};

bool same_kind(const std::vector<Expr>& items, Kind kind) {
    return std::all_of(items.begin(), items.end(), [&](const Expr& e) { return e.kind == kind; });
}

Items read_items(const Expr& e) {
    Items out;
    if (e.kind != Kind::list && e.kind != Kind::set && e.kind != Kind::tuple) {
        out.values.push_back(e);
        return out;
    }
    out.unordered = e.kind == Kind::set || (e.kind == Kind::list && e.name != ",");
    std::vector<std::string> names;
    for (const Expr& item : e.args) {
        const auto assigned = assignment(item);
        if (assigned && assigned->named) {
            names.push_back(canonical(assigned->name));
            out.values.push_back(assigned->value);
        } else {
            out.values.push_back(item);
        }
    }
    if (names.size() == e.args.size()) {
        std::vector<std::string> distinct = names;
        std::sort(distinct.begin(), distinct.end());
        distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
        const size_t period = distinct.size();
        if (period == names.size()) {
            out.names = names;
        } else if (period == 1) {
            out.unordered = true;  // x = 1, x = 2
        } else if (names.size() % period == 0) {
            // p = 5, q = 2; p = 7, q = 2: one tuple a solution
            std::vector<Expr> tuples;
            for (size_t i = 0; i < names.size(); i += period) {
                if (!std::equal(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(period),
                                names.begin() + static_cast<std::ptrdiff_t>(i)))
                    return {e.args, {}, true};
                const auto from = out.values.begin() + static_cast<std::ptrdiff_t>(i);
                tuples.push_back(make(
                    Kind::tuple, std::vector<Expr>(from, from + static_cast<std::ptrdiff_t>(period)), "()"));
            }
            out.values = std::move(tuples);
            out.unordered = true;
        } else {
            return {e.args, {}, out.unordered};
        }
    } else if (!names.empty() && !(assignment(e.args[0]) && names.size() == 1)) {
        return {e.args, {}, out.unordered};  // equations among values: as they stand
    }
    if (out.names.empty() && e.kind != Kind::tuple && out.values.size() > 1 &&
        (same_kind(out.values, Kind::tuple) || same_kind(out.values, Kind::interval)))
        out.unordered = true;
    return out;
}

void remove_duplicates(std::vector<Expr>& items) {
    std::vector<std::string> keys;
    std::vector<Expr> kept;
    for (Expr& item : items) {
        std::string key = canonical(item);
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        keys.push_back(std::move(key));
        kept.push_back(std::move(item));
    }
    items = std::move(kept);
}

}  // namespace

Equality Comparer::lists(const Expr& gold, const Expr& answer) {
    if (is_inequality(gold) && (is_inequality(answer) || is_real_set(answer)))
        return inequalities(gold, answer);
    if (gold.kind == Kind::relation && gold.name == "m" && gold.args[0].kind == Kind::symbol &&
        is_inequality(answer))
        return equal_sets(gold.args[1], answer, budget_);  // x ∈ (1, 2) names its unknown
    const bool gold_tuple = gold.kind == Kind::tuple, answer_tuple = answer.kind == Kind::tuple;
    if ((gold_tuple && answer.kind == Kind::set) || (answer_tuple && gold.kind == Kind::set))
        return Equality::different;
    if ((gold.kind == Kind::interval && gold.name != "[]") ||
        (answer.kind == Kind::interval && answer.name != "[]"))
        return Equality::different;
    if (gold.kind == Kind::relation || answer.kind == Kind::relation) {
        // (x, y) = (1, 2) against 1, 2
        const bool gold_relation = gold.kind == Kind::relation;
        const auto assigned = assignment(gold_relation ? gold : answer);
        if (!assigned || !assigned->named) return Equality::different;
        return gold_relation ? match(assigned->value, answer) : match(gold, assigned->value);
    }
    const auto is_items = [](const Expr& e) {
        return e.kind == Kind::list || e.kind == Kind::set || e.kind == Kind::tuple ||
               (e.kind == Kind::matrix && (e.columns == 1 || e.columns == e.args.size()));
    };
    // "15 39/40, or 639/40": the same in two writings
    if (is_scalar(gold) && answer.kind == Kind::list && answer.name == "|")
        return std::all_of(answer.args.begin(), answer.args.end(),
                           [&](const Expr& a) { return match(gold, a) == Equality::equal; })
                   ? Equality::equal
                   : Equality::different;
    if (!is_items(gold) || !is_items(answer)) return Equality::different;
    if (gold.kind == Kind::matrix || answer.kind == Kind::matrix) return elements(gold.args, answer.args);
    Items left = read_items(gold), right = read_items(answer);
    if (gold.kind == Kind::set && answer.kind == Kind::set) {
        remove_duplicates(left.values);
        remove_duplicates(right.values);
    }
    if (left.values.size() != right.values.size()) return Equality::different;
    if (!left.names.empty() && !right.names.empty()) {
        Equality out = Equality::equal;
        for (size_t i = 0; i < left.names.size(); ++i) {
            const auto partner = std::find(right.names.begin(), right.names.end(), left.names[i]);
            if (partner == right.names.end()) return Equality::different;
            out = all_of({out, match(left.values[i],
                                     right.values[static_cast<size_t>(partner - right.names.begin())])});
        }
        return out;
    }
    const bool record = !left.names.empty() || !right.names.empty();
    const bool sequence =
        record || gold_tuple || answer_tuple || (options_.ordered && !left.unordered && !right.unordered);
    return sequence ? elements(left.values, right.values) : unordered(left.values, right.values);
}

}  // namespace r1::algebra
