// The parts of the comparison, shared by compare*.cpp.
#pragma once
#include <optional>

#include "algebra/compare.h"

namespace r1::algebra {

Equality all_of(std::initializer_list<Equality> parts);
Equality any_of(Equality a, Equality b);

// An equation, as answers use it: a name and its value ("x = 5", "f(x) = x + 1", "√4 = 2", "x = 2/3 ≈ 0.67").
struct Assignment {
    Expr name, value;
    bool named = false;           // the left side is a name, not something computed
    std::optional<Expr> rounded;  // what stood behind ≈
};
std::optional<Assignment> assignment(const Expr& e);
bool is_name(const Expr& e);
bool is_inequality(const Expr& e);  // a chain of < > ≤ ≥ ≠, or a list of such

class Comparer {
  public:
    Comparer(const CompareOptions& options, Budget& budget) : options_(options), budget_(budget) {}
    Equality match(const Expr& gold, const Expr& answer);

  private:
    // compare.cpp
    Equality scalars(const Expr& gold, const Expr& answer);
    Equality quantities(const Expr& gold, const Expr& answer);
    bool is_rounding(const Expr& exact, const Expr& decimal);
    Equality elements(const std::vector<Expr>& gold, const std::vector<Expr>& answer);
    Equality unordered(const std::vector<Expr>& gold, const std::vector<Expr>& answer);
    // compare_lists.cpp
    Equality lists(const Expr& gold, const Expr& answer);
    // compare_relations.cpp
    Equality relations(const Expr& gold, const Expr& answer);
    Equality equations(const Expr& gold, const Expr& answer);
    Equality inequalities(const Expr& gold, const Expr& answer);
    Equality against_value(const Expr& relation, const Expr& value, bool relation_is_gold);
    // compare_sets.cpp
    Equality sets(const Expr& gold, const Expr& answer);

    const CompareOptions& options_;
    Budget& budget_;
    int depth_ = 0;
};

// A set of real numbers: an interval, a union, {1, 2}, ℝ; an inequality in one unknown counts as one for the
// gold.
bool is_real_set(const Expr& e);

// compare_sets.cpp: equal as sets of real numbers; `undecided` where an end point is no real constant.
Equality equal_sets(const Expr& gold, const Expr& answer, Budget& budget);

// compare_text.cpp: letters and digits of an answer in words, in one form; empty for what is no text.
std::string plain_words(const Expr& e);
bool same_words(const std::string& gold, const std::string& answer);  // "a and b" has no order

}  // namespace r1::algebra
