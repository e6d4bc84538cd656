#include <algorithm>
#include <vector>

#include "tasks/arithmetic.h"
#include "tasks/corpus_writer.h"

namespace r1::corpus {
namespace {

using arithmetic::Puzzle;

std::string number(int value) {
    return " " + std::to_string(value);
}

std::vector<int> digits_from_the_right(int value) {
    std::vector<int> digits;
    do {
        digits.push_back(value % 10);
        value /= 10;
    } while (value > 0);
    return digits;
}

// One column: its working as text, the digit to write and what goes over to the next column.
struct Column {
    int digit = 0, over = 0;
};

class ArithmeticScribe final : public Scribe {
  public:
    ArithmeticScribe(Rng& rng, int level) : rng_(rng) {
        do {
            puzzle_ = arithmetic::draw(rng, level);
        } while (is_held_out(arithmetic::canonical(puzzle_)));
    }

    std::string question(Language language) const override { return arithmetic::question(puzzle_, language); }

    void guess(std::string& text) override {
        value_ = arithmetic::result(puzzle_);
        const float kind = rng_.uniform();
        if (kind >= 0.04f) {
            if (kind < 0.5f) value_ = careless();
            std::vector<int> digits = digits_from_the_right(value_);
            const int changes = kind < 0.5f ? 0 : rng_.range(1, 2);
            for (int i = 0; i < changes; ++i)
                digits[rng_.below(static_cast<uint32_t>(digits.size()))] = rng_.range(0, 9);
            value_ = 0;
            for (size_t i = digits.size(); i-- > 0;) value_ = value_ * 10 + digits[i];
        }
        answer(text);
    }

    // attempt: column by column without carrying. check: with carrying, sometimes a slip that stays.
    // search: slips are more frequent, noticed and put right.
    bool attempt(std::string& text, Voice& voice, Care care) override {
        const std::vector<int> a = digits_from_the_right(puzzle_.a), b = digits_from_the_right(puzzle_.b);
        int over = 0;
        value_ = 0;
        int place = 1;
        for (size_t i = 0; i < a.size(); ++i) {
            if (i) text += " ,";
            const int low = puzzle_.op == '*' ? puzzle_.b : i < b.size() ? b[i] : 0;
            Column column;
            if (care == Care::search && rng_.chance(0.15f)) {
                work(text, voice, care, a[i], low, over, true);
                text += voice(rng_.chance(0.5f) ? Word::no : Word::wrong);
                text += voice(Word::wait);
                column = work(text, voice, care, a[i], low, over, false);
            } else {
                column = work(text, voice, care, a[i], low, over, care != Care::search && rng_.chance(0.03f));
            }
            value_ += column.digit * place;
            place *= 10;
            over = column.over;
        }
        if (over > 0 && puzzle_.op != '-') {
            text += " ,";
            text += voice(Word::write) + number(over);
            value_ += over * place;
        }
        return right();
    }

    void verdict(std::string&, Voice&, bool) override {}
    void answer(std::string& text) override { text += arithmetic::spaced(value_); }
    bool right() const override { return value_ == arithmetic::result(puzzle_); }

  private:
    Column work(std::string& text, Voice& voice, Care care, int a, int b, int over, bool slip) {
        const bool careful = care != Care::attempt;
        const char op = puzzle_.op;
        text += number(a) + ' ' + op + number(b);
        int value = op == '+' ? a + b : op == '-' ? a - b : a * b;
        if (careful && over > 0) {
            text += (op == '-' ? " -" : " +") + number(over);
            value += op == '-' ? -over : over;
        }
        Column column;
        if (op == '-') {
            if (value < 0 && careful) {
                text += voice(Word::borrow);
                text += number(a + 10) + " -" + number(b) + (over > 0 ? " -" + number(over) : "");
                value += 10;
                column.over = 1;
            }
            value = std::abs(value);  // the careless take the smaller from the larger
        }
        if (slip) {
            const int offset = rng_.range(1, 2);
            value = std::clamp(rng_.chance(0.5f) ? value + offset : value - offset, 0, 99);
        }
        column.digit = value % 10;
        text += " =" + number(value);
        text += voice(Word::write) + number(column.digit);
        if (op != '-' && careful && value >= 10) {
            column.over = value / 10;
            text += voice(Word::carry) + number(column.over);
        }
        return column;
    }

    // Each column by itself, nothing carried.
    int careless() const {
        int value = 0, place = 1, a = puzzle_.a, b = puzzle_.b;
        for (; a > 0; a /= 10, place *= 10) {
            const int low = puzzle_.op == '*' ? puzzle_.b : b % 10;
            const int column = puzzle_.op == '+'   ? a % 10 + low
                               : puzzle_.op == '-' ? std::abs(a % 10 - low)
                                                   : a % 10 * low;
            value += column % 10 * place;
            b /= 10;
        }
        return value;
    }

    Rng& rng_;
    Puzzle puzzle_;
    int value_ = 0;
};

}  // namespace

std::unique_ptr<Scribe> arithmetic_scribe(Rng& rng, int level) {
    return std::make_unique<ArithmeticScribe>(rng, level);
}

// Columns of sums, with what is carried: "7 + 5 + 1 = 13 write 3 carry 1 , ...".
std::string arithmetic_facts(Rng& rng, Voice& voice) {
    std::string text;
    const int count = rng.range(4, 7);
    for (int i = 0; i < count; ++i) {
        if (i) text += " ,";
        const int a = rng.range(0, 9), b = rng.range(0, 9), kind = rng.range(0, 2);
        const char op = "+-*"[kind];
        const int over = rng.chance(0.5f) ? 0 : kind == 2 ? rng.range(1, 8) : 1;
        text += number(a) + ' ' + op + number(b);
        if (over > 0) text += (op == '-' ? " -" : " +") + number(over);
        int value = op == '+' ? a + b + over : op == '-' ? a - b - over : a * b + over;
        if (value < 0) {
            text += voice(Word::borrow);
            text += number(a + 10) + " -" + number(b) + (over > 0 ? " -" + number(over) : "");
            value += 10;
        }
        text += " =" + number(value);
        text += voice(Word::write) + number(value % 10);
        if (value >= 10) text += voice(Word::carry) + number(value / 10);
    }
    return text;
}

}  // namespace r1::corpus
