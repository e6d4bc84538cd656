#include <algorithm>
#include <vector>

#include "tasks/corpus_writer.h"
#include "tasks/countdown.h"

namespace r1::corpus {
namespace {

using countdown::Puzzle;
using countdown::Step;

std::string number(int value) {
    return " " + std::to_string(value);
}

void write_step(std::string& text, const Step& step, int result) {
    text += number(step.a);
    text += ' ';
    text += step.op;
    text += number(step.b) + " =" + number(result);
}

class CountdownScribe final : public Scribe {
  public:
    CountdownScribe(const CorpusRecipe& recipe, Rng& rng, int level) : recipe_(recipe), rng_(rng) {
        do {
            puzzle_ = countdown::draw(rng, level);
        } while (is_held_out(countdown::canonical(puzzle_)));
    }

    std::string question(Language language) const override { return countdown::question(puzzle_, language); }

    void guess(std::string& text) override {
        const float kind = rng_.uniform();
        if (kind < 0.04f) {  // a right one, as if by intuition
            for (int i = 0; i < 200; ++i) {
                propose(1.0f);
                if (value_ == puzzle_.target) break;
            }
        } else if (kind < 0.60f) {
            propose(0.0f);
        } else {
            misuse();
        }
        text += answer_;
    }

    bool attempt(std::string& text, Voice&, Care care) override {
        const auto level = static_cast<size_t>(care);
        propose(recipe_.aimed[level]);
        for (int again = 0; again < 20 && seen(answer_); ++again) {
            if (care != Care::search || !rng_.chance(recipe_.fresh)) break;
            propose(recipe_.aimed[level]);
        }
        tried_.push_back(answer_);
        int shown = 0;
        for (size_t i = 0; i < steps_.size(); ++i) {
            shown = steps_[i].result;
            if (rng_.chance(recipe_.slips[level])) shown = slipped(shown);
            if (i) text += " ,";
            write_step(text, steps_[i], shown);
            if (shown != steps_[i].result && i + 1 < steps_.size()) break;  // the rest would not follow
        }
        shown_ = shown;
        return shown == puzzle_.target;
    }

    void verdict(std::string& text, Voice& voice, bool good) override {
        if (good) {
            text += voice(Word::yes);
        } else if (rng_.chance(0.3f) && shown_ != puzzle_.target) {
            text += voice(shown_ > puzzle_.target ? Word::too_big : Word::too_small);
        } else {
            text += voice(rng_.chance(0.2f) ? Word::wrong : Word::no);
        }
    }

    void answer(std::string& text) override { text += answer_; }
    bool right() const override { return value_ == puzzle_.target; }
    void forget() override { tried_.clear(); }

  private:
    struct Item {
        int value = 0;
        std::string text;
    };

    // A random way of combining the numbers; with probability `aimed` the last step is the one closest to the
    // target.
    void propose(float aimed) {
        for (;;) {
            std::array<Item, 4> items;
            int count = puzzle_.count;
            for (int i = 0; i < count; ++i) {
                const int value = puzzle_.numbers[static_cast<size_t>(i)];
                items[static_cast<size_t>(i)] = {value, number(value)};
            }
            steps_.clear();
            while (count > 1) {
                auto i = rng_.below(static_cast<uint32_t>(count)),
                     j = rng_.below(static_cast<uint32_t>(count - 1));
                if (j >= i) ++j;
                if (items[i].value < items[j].value) std::swap(i, j);
                Step step{items[i].value, "+-*/"[rng_.below(4)], items[j].value};
                bool valid = countdown::apply(step);
                if (count == 2 && rng_.chance(aimed)) valid = aim(step);
                if (!valid) {
                    if (count == 2) break;
                    continue;
                }
                if ((step.op == '+' || step.op == '*') && rng_.chance(0.5f))
                    std::swap(i, j), std::swap(step.a, step.b);
                steps_.push_back(step);
                std::string text = items[i].text;
                text += ' ';
                text += step.op;
                text += items[j].text;
                items[i] = {step.result, count == 2 ? text : " (" + text + " )"};
                items[j] = std::move(items[static_cast<size_t>(--count)]);
            }
            if (count > 1) continue;
            value_ = steps_.back().result;
            answer_ = items[0].text;
            return;
        }
    }

    bool aim(Step& step) {
        int best = 1000;
        Step chosen = step;
        const auto first = rng_.below(4);
        for (uint32_t k = 0; k < 4; ++k) {
            Step candidate{step.a, "+-*/"[(first + k) % 4], step.b};
            if (!countdown::apply(candidate)) continue;
            const int distance = std::abs(candidate.result - puzzle_.target);
            if (distance < best) best = distance, chosen = candidate;
        }
        step = chosen;
        return best < 1000;
    }

    // An answer that leaves a number out, uses one twice or brings in another.
    void misuse() {
        std::array<int, 4> numbers = puzzle_.numbers;
        int count = puzzle_.count;
        const auto which = rng_.below(static_cast<uint32_t>(count));
        const auto kind = rng_.below(3);
        if (kind == 0) numbers[which] = rng_.range(1, 30);
        if (kind == 1) numbers[which] = numbers[(which + 1) % static_cast<uint32_t>(count)];
        if (kind == 2) numbers[which] = numbers[static_cast<size_t>(--count)];
        std::vector<int> order(numbers.begin(), numbers.begin() + count);
        rng_.shuffle(order);
        answer_ = count > 2 ? " (" : "";
        for (size_t i = 0; i < order.size(); ++i) {
            if (i) answer_ += {' ', "+-*/"[rng_.below(4)]};
            answer_ += number(order[i]);
            if (i == 1 && count > 2) answer_ += " )";
        }
        value_ = 0;
    }

    int slipped(int value) {
        constexpr int offsets[] = {-10, -2, -1, 1, 2, 10};
        return std::clamp(value + offsets[rng_.below(6)], 1, countdown::largest);
    }

    bool seen(const std::string& answer) const {
        return std::find(tried_.begin(), tried_.end(), answer) != tried_.end();
    }

    const CorpusRecipe& recipe_;
    Rng& rng_;
    Puzzle puzzle_;
    std::vector<Step> steps_;
    std::string answer_;
    std::vector<std::string> tried_;
    int value_ = 0;  // of answer_
    int shown_ = 0;  // the result as written, slips included
};

Step random_step(Rng& rng) {
    for (;;) {
        Step step{rng.range(1, rng.chance(0.5f) ? 30 : countdown::largest), "+-*/"[rng.below(4)],
                  rng.range(1, 30)};
        if (step.a < step.b && rng.chance(0.5f)) std::swap(step.a, step.b);
        if (countdown::apply(step)) return step;
    }
}

}  // namespace

std::unique_ptr<Scribe> countdown_scribe(const CorpusRecipe& recipe, Rng& rng, int level) {
    return std::make_unique<CountdownScribe>(recipe, rng, level);
}

// Half the sheets are sums, half are check-lists: "make 20 ? 12 + 8 = 20 yes , 5 * 7 = 35 too big".
std::string countdown_facts(Rng& rng, Voice& voice) {
    std::string text;
    const int count = rng.range(5, 9);
    if (rng.chance(0.5f)) {
        for (int i = 0; i < count; ++i) {
            if (i) text += " ,";
            const Step step = random_step(rng);
            write_step(text, step, step.result);
        }
        return text;
    }
    const int target = rng.range(10, countdown::largest);
    text += voice(Word::make) + number(target) + " ?";
    for (int i = 0; i < count; ++i) {
        Step step = random_step(rng);
        const bool aim = rng.chance(0.3f);
        while (aim && step.result != target) {  // a hit: choose an operand and solve for the other
            const int other = rng.range(1, 30);
            if (rng.chance(0.5f) || target + other > countdown::largest) {
                step = other < target ? Step{target - other, '+', other} : Step{target, '+', 0};
            } else {
                step = {target + other, '-', other};
            }
            if (target % other == 0 && rng.chance(0.5f)) step = {target / other, '*', other};
            countdown::apply(step);
            if (step.b == 0) step.result = 0;
        }
        write_step(text, step, step.result);
        if (step.result == target) {
            text += voice(Word::yes);
        } else if (rng.chance(0.4f)) {
            text += voice(rng.chance(0.2f) ? Word::wrong : Word::no);
        } else {
            text += voice(step.result > target ? Word::too_big : Word::too_small);
        }
    }
    return text;
}

}  // namespace r1::corpus
