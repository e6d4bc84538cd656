#include <vector>

#include "tasks/corpus_writer.h"
#include "tasks/knights.h"

namespace r1::corpus {
namespace {

using knights::Puzzle;
using knights::Roles;

class KnightsScribe final : public Scribe {
  public:
    KnightsScribe(const CorpusRecipe& recipe, Rng& rng, int level, Language language)
        : recipe_(recipe), rng_(rng), language_(language) {
        do {
            puzzle_ = knights::draw(rng, level);
        } while (is_held_out(knights::canonical(puzzle_)));
        solution_ = knights::solution(puzzle_);
    }

    std::string question(Language language) const override { return knights::question(puzzle_, language); }

    void guess(std::string& text) override {
        roles_ = any();
        answer(text);
    }

    // Supposes a role for everybody, then goes through the statements up to the first that contradicts its
    // speaker.
    bool attempt(std::string& text, Voice& voice, Care care) override {
        const auto level = static_cast<size_t>(care);
        do {
            roles_ = any();
        } while (care == Care::search && (tried_ >> roles_ & 1) && tried_ != everything() &&
                 rng_.chance(recipe_.fresh));
        tried_ |= 1u << roles_;
        text += voice(Word::suppose);
        answer(text);
        text += " :";
        for (int i = 0; i < puzzle_.people; ++i) {
            const bool truth = knights::is_true(puzzle_.statements[static_cast<size_t>(i)], roles_) !=
                               rng_.chance(recipe_.slips[level] * 0.5f);
            const bool fits = truth != static_cast<bool>(roles_ >> i & 1);
            text += knights::person(i, language_);
            text += voice(truth ? Word::is_true : Word::is_false);
            if (!fits) return false;
            if (i + 1 < puzzle_.people) text += " ,";
        }
        return true;
    }

    void verdict(std::string& text, Voice& voice, bool good) override {
        text += voice(good ? Word::yes : rng_.chance(0.2f) ? Word::wrong : Word::no);
    }

    void answer(std::string& text) override {
        for (int i = 0; i < puzzle_.people; ++i) {
            text += knights::person(i, language_);
            text += knights::role(roles_ >> i & 1, language_);
        }
    }

    bool right() const override { return roles_ == solution_; }
    void forget() override { tried_ = 0; }

  private:
    Roles any() { return rng_.below(1u << puzzle_.people); }
    uint32_t everything() const { return static_cast<uint32_t>((uint64_t{1} << (1u << puzzle_.people)) - 1); }

    const CorpusRecipe& recipe_;
    Rng& rng_;
    Language language_;
    Puzzle puzzle_;
    Roles solution_ = 0, roles_ = 0;
    uint32_t tried_ = 0;  // bit r: the assignment r was supposed
};

}  // namespace

std::unique_ptr<Scribe> knights_scribe(const CorpusRecipe& recipe, Rng& rng, int level, Language language) {
    return std::make_unique<KnightsScribe>(recipe, rng, level, language);
}

// Roles, then claims about them that are true or false: "A honest B liar : A same B false , B liar true".
std::string knights_facts(Rng& rng, Voice& voice) {
    const Language language = voice.language();
    std::string text;
    const auto people = rng.range(2, 3);
    const Roles roles = rng.below(1u << people);
    for (int i = 0; i < people; ++i) {
        text += knights::person(i, language);
        text += knights::role(roles >> i & 1, language);
    }
    text += " :";
    const int count = rng.range(3, 6);
    for (int i = 0; i < count; ++i) {
        if (i) text += " ,";
        knights::Statement statement;
        statement.claim = static_cast<knights::Claim>(rng.below(knights::claims));
        statement.first = static_cast<uint8_t>(rng.below(static_cast<uint32_t>(people)));
        statement.second = statement.first;
        if (statement.claim >= knights::Claim::both_liars)
            statement.second =
                static_cast<uint8_t>((statement.first + 1 + rng.below(static_cast<uint32_t>(people - 1))) %
                                     static_cast<uint32_t>(people));
        if (statement.first > statement.second) std::swap(statement.first, statement.second);
        text += knights::claim_text(statement, language);
        text += voice(knights::is_true(statement, roles) ? Word::is_true : Word::is_false);
    }
    return text;
}

}  // namespace r1::corpus
