// What the three families share when they write documents: words in two languages, and the interface of a
// puzzle that can be guessed at or attempted.
#pragma once
#include <memory>
#include <string>

#include "tasks/corpus.h"

namespace r1::corpus {

enum class Word : uint8_t {
    no,
    wrong,
    too_big,
    too_small,
    yes,
    wait,
    give_up,
    so,
    write,
    carry,
    borrow,
    suppose,
    is_true,
    is_false,
    make,
    count
};

// Says words in the document's language; in a mixed document a part of them comes in the other one.
class Voice {
  public:
    Voice(Rng& rng, Language language, bool mixed) : rng_(rng), language_(language), mixed_(mixed) {}
    const char* operator()(Word word);  // with a leading space
    Language language();                // of the next word

  private:
    Rng& rng_;
    Language language_;
    bool mixed_;
};

enum class Care : uint8_t { attempt, check, search };

// One puzzle of a family, as a writer of documents sees it. Texts are appended, each word with a leading
// space.
class Scribe {
  public:
    virtual ~Scribe() = default;
    virtual std::string question(Language language) const = 0;
    virtual void guess(std::string& text) = 0;  // an answer without working; remembers whether it is right
    // Writes one attempt and remembers its answer; true if, as written, it solves the puzzle.
    virtual bool attempt(std::string& text, Voice& voice, Care care) = 0;
    virtual void verdict(std::string& text, Voice& voice, bool good) = 0;
    virtual void answer(std::string& text) = 0;  // of the last attempt
    virtual bool right() const = 0;              // the last answer() or guess() is right
    virtual void forget() {}                     // what was tried
};

std::unique_ptr<Scribe> countdown_scribe(const CorpusRecipe& recipe, Rng& rng, int level);
std::unique_ptr<Scribe> arithmetic_scribe(Rng& rng, int level);
std::unique_ptr<Scribe> knights_scribe(const CorpusRecipe& recipe, Rng& rng, int level, Language language);

std::string countdown_facts(Rng& rng, Voice& voice);
std::string arithmetic_facts(Rng& rng, Voice& voice);
std::string knights_facts(Rng& rng, Voice& voice);

template <size_t N>
size_t pick(Rng& rng, const std::array<float, N>& shares) {
    float total = 0;
    for (const float share : shares) total += share;
    float left = rng.uniform() * total;
    for (size_t i = 0; i < N; ++i) {
        if (left < shares[i]) return i;
        left -= shares[i];
    }
    for (size_t i = N; i-- > 0;)  // rounding carried us past the end
        if (shares[i] > 0) return i;
    return 0;
}

}  // namespace r1::corpus
