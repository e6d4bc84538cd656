// Sets of real numbers. Two sets agree if they agree at every end point, close to it on both sides, and at
// several numbers in every gap between two neighbours. One of the two has to say its end points: it is made
// of intervals, or of inequalities that hold the unknown or its size against a number.
#include <algorithm>

#include "algebra/comparer.h"
#include "algebra/evaluate.h"

namespace r1::algebra {
namespace {

bool is_infinite(const Expr& e) {
    return is_constant(e, "inf") || (e.kind == Kind::negate && is_constant(e.args[0], "inf"));
}

bool is_infinite_below(const Expr& e) {
    return e.kind == Kind::negate && is_infinite(e);
}

// f(x) of which nothing is known is an unknown itself.
Expr with_unknown(const Expr& e) {
    if (e.kind == Kind::function && !is_known_function(e.name)) return symbol(canonical(e));
    Expr out = e;
    for (Expr& a : out.args) a = with_unknown(a);
    return out;
}

// x, -x, |x|
bool is_unknown(const Expr& e) {
    if (e.kind == Kind::negate || (e.kind == Kind::function && e.name == "abs")) return is_unknown(e.args[0]);
    return e.kind == Kind::symbol;
}

bool says_its_ends(const Expr& e) {
    if (e.kind != Kind::relation)
        return std::all_of(e.args.begin(), e.args.end(),
                           [](const Expr& a) { return is_scalar(a) || says_its_ends(a); });
    if (e.name == "m") return says_its_ends(e.args[1]);
    for (size_t i = 0; i + 1 < e.args.size(); ++i) {
        const Expr &a = e.args[i], &b = e.args[i + 1];
        if (!(is_unknown(a) && !has_symbols(b)) && !(is_unknown(b) && !has_symbols(a))) return false;
    }
    return true;
}

// x^2 ≠ 2 leaves out two points that no end point tells.
bool leaves_out_points(const Expr& e) {
    if (e.kind == Kind::relation && e.name.find('n') != std::string::npos && !says_its_ends(e)) return true;
    return std::any_of(e.args.begin(), e.args.end(), leaves_out_points);
}

// Not a set, or an end point that is no real constant.
struct NoSet : std::exception {};

struct EndPoint {
    Expr exact;
    mpq_class near;
};

class Line {
  public:
    Line(const Expr& a, const Expr& b, Budget& budget) : budget_(budget) {
        collect(a);
        collect(b);
        std::sort(points_.begin(), points_.end(),
                  [](const EndPoint& x, const EndPoint& y) { return x.near < y.near; });
    }

    bool agree(const Expr& a, const Expr& b) {
        if (points_.empty()) return inside(a, {nullptr, 0}) == inside(b, {nullptr, 0});
        for (const EndPoint& p : points_)
            if (inside(a, {&p, p.near}) != inside(b, {&p, p.near})) return false;
        std::vector<mpq_class> tries = {points_.front().near - 1, points_.front().near - 1000,
                                        points_.back().near + 1, points_.back().near + 1000};
        const mpq_class near_by(1, mpz_class("1000000000000000000000000000000"));
        for (const EndPoint& p : points_) {  // an end of one is an end of the other
            tries.push_back(p.near - near_by);
            tries.push_back(p.near + near_by);
        }
        for (size_t i = 0; i + 1 < points_.size(); ++i) {
            const mpq_class width = points_[i + 1].near - points_[i].near;
            for (const int part : {1, 37, 99}) tries.push_back(points_[i].near + width * part / 100);
        }
        for (const mpq_class& x : tries)
            if (inside(a, {nullptr, x}) != inside(b, {nullptr, x})) return false;
        return true;
    }

  private:
    struct Place {
        const EndPoint* end;  // or
        mpq_class x;
    };

    void add(const Expr& e) {
        if (is_infinite(e)) return;
        if (!is_scalar(e) || has_symbols(e)) throw NoSet();
        const auto near = near_value(e, budget_);
        if (!near) throw NoSet();
        for (const EndPoint& p : points_)
            if (equal_scalars(p.exact, e, budget_) == Equality::equal) return;
        points_.push_back({e, *near});
    }

    void collect(const Expr& e) {
        if (e.kind == Kind::interval || e.kind == Kind::set ||
            (e.kind == Kind::tuple && e.args.size() == 2)) {
            for (const Expr& a : e.args) add(a);
            if (e.kind != Kind::set && !ascends(e)) throw NoSet();
        } else if (e.kind == Kind::unite || e.kind == Kind::intersect || e.kind == Kind::subtract ||
                   e.kind == Kind::list) {
            for (const Expr& a : e.args) collect(a);
        } else if (e.kind == Kind::relation) {
            if (e.name == "m") return collect(e.args[1]);
            // the numbers that an unknown, or its size, is held against
            for (const Expr& a : e.args)
                if (is_scalar(a) && !has_symbols(a) && !is_infinite(a)) {
                    add(a);
                    add(make(Kind::negate, {a}));
                }
        } else if (!is_constant(e, "reals") && !is_constant(e, "empty")) {
            throw NoSet();
        }
    }

    // (5, 2) is a point of the plane, not an empty interval.
    bool ascends(const Expr& interval) {
        const Expr &low = interval.args[0], &high = interval.args[1];
        if (is_infinite(low) || is_infinite(high))
            return (low.kind == Kind::negate || !is_infinite(low)) && !is_infinite_below(high);
        const auto from = near_value(low, budget_), to = near_value(high, budget_);
        return from && to && (*from < *to || (*from == *to && interval.name == "[]"));
    }

    // -1, 0, 1: where the place lies beside an end
    int side(const Place& place, const Expr& end) {
        if (is_constant(end, "inf")) return -1;
        if (is_infinite(end)) return 1;
        const EndPoint* known = nullptr;
        for (const EndPoint& p : points_)
            if (equal_scalars(p.exact, end, budget_) == Equality::equal) known = &p;
        if (!known) throw NoSet();
        if (place.end == known) return 0;
        return place.x < known->near ? -1 : 1;
    }

    bool inside(const Expr& e, const Place& place) {
        budget_.spend(10);
        const auto in = [&](const Expr& a) { return inside(a, place); };
        if (is_constant(e, "reals")) return true;
        if (is_constant(e, "empty")) return false;
        switch (e.kind) {
            case Kind::interval:
            case Kind::tuple: {
                const int low = side(place, e.args[0]), high = side(place, e.args[1]);
                return (low > 0 || (low == 0 && e.name[0] == '[')) &&
                       (high < 0 || (high == 0 && e.name[1] == ']'));
            }
            case Kind::set:
                return std::any_of(e.args.begin(), e.args.end(),
                                   [&](const Expr& a) { return side(place, a) == 0; });
            case Kind::unite:
                return std::any_of(e.args.begin(), e.args.end(), in);
            case Kind::intersect:
                return std::all_of(e.args.begin(), e.args.end(), in);
            case Kind::subtract:
                return in(e.args[0]) && !in(e.args[1]);
            case Kind::list:
                return e.name == "&" ? std::all_of(e.args.begin(), e.args.end(), in)
                                     : std::any_of(e.args.begin(), e.args.end(), in);
            case Kind::relation:
                return e.name == "m" ? in(e.args[1]) : holds(e, place);
            default:
                throw NoSet();
        }
    }

    bool holds(const Expr& e, const Place& place) {
        std::vector<std::string> names;
        collect_symbols(e, names);
        if (names.size() != 1 || (!unknown_.empty() && unknown_ != names[0])) throw NoSet();
        unknown_ = names[0];
        for (size_t i = 0; i < e.name.size(); ++i) {
            Expr difference = make(Kind::add, {e.args[i], make(Kind::negate, {e.args[i + 1]})});
            if (is_infinite(e.args[i]) || is_infinite(e.args[i + 1])) continue;
            if (place.end) difference = substituted(difference, place.end->exact);
            const auto sign = sign_of(difference, budget_, unknown_, place.x);
            if (!sign) return false;
            const char c = e.name[i];
            const bool ok = c == '<'   ? *sign < 0
                            : c == '>' ? *sign > 0
                            : c == 'l' ? *sign <= 0
                            : c == 'g' ? *sign >= 0
                                       : *sign != 0;
            if (!ok) return false;
        }
        return true;
    }

    Expr substituted(const Expr& e, const Expr& value) const {
        if (e.kind == Kind::symbol) return value;
        Expr out = e;
        for (Expr& a : out.args) a = substituted(a, value);
        return out;
    }

    Budget& budget_;
    std::vector<EndPoint> points_;
    std::string unknown_;
};

}  // namespace

bool is_real_set(const Expr& e) {
    switch (e.kind) {
        case Kind::interval:
        case Kind::unite:
        case Kind::intersect:
        case Kind::subtract:
        case Kind::set:
            return true;
        case Kind::tuple:
            return e.args.size() == 2 && e.name == "()";
        case Kind::constant:
            return e.name == "reals" || e.name == "empty";
        default:
            return false;
    }
}

Equality equal_sets(const Expr& gold, const Expr& answer, Budget& budget) {
    const Expr left = with_unknown(gold), right = with_unknown(answer);
    if ((!says_its_ends(left) && !says_its_ends(right)) || leaves_out_points(left) ||
        leaves_out_points(right))
        return Equality::undecided;
    try {
        return Line(left, right, budget).agree(left, right) ? Equality::equal : Equality::different;
    } catch (const NoSet&) {
        return Equality::undecided;
    }
}

Equality Comparer::sets(const Expr& gold, const Expr& answer) {
    if (gold.kind == answer.kind && gold.name == answer.name) {
        const Equality same = gold.kind == Kind::unite || gold.kind == Kind::intersect
                                  ? unordered(gold.args, answer.args)
                                  : elements(gold.args, answer.args);
        if (same == Equality::equal) return same;
    }
    const Equality by_points = equal_sets(gold, answer, budget_);
    return by_points == Equality::undecided ? Equality::different : by_points;
}

}  // namespace r1::algebra
