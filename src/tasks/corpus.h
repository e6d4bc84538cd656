// The documents on which the embedded base model is pre-trained: a small synthetic web. Most of it answers at
// once and is often wrong; a minority works the answer out, checks it and tries again. Held-out problems
// never occur.
//
// Document i is a pure function of (recipe.seed, i), so that training can stream the corpus and resume
// anywhere.
#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tasks/task.h"

namespace r1 {

// How a document goes about its problem.
enum class DocumentKind : uint8_t {
    terse,    // an answer at once, mostly wrong
    attempt,  // one attempt, answered whatever it gives
    check,    // up to three attempts with a verdict on each, then often giving up; in arithmetic: careful
              // working
    search,  // three to eight attempts, stops when one is right; in arithmetic: working that corrects its own
             // slips
    persist,  // seven to eighteen attempts (countdown alone)
    facts,    // no problem: a list of sums, or of small checks with their verdicts
};
constexpr int document_kinds = 6;
const char* name_of(DocumentKind kind);

using Shares = std::array<float, document_kinds>;  // by DocumentKind; need not sum to 1

struct CorpusRecipe {
    uint64_t seed = 1;
    std::array<float, 3> families{0.50f, 0.20f, 0.30f};  // countdown, arithmetic, knights
    std::array<std::array<float, 3>, 3> levels{
        {{0.20f, 0.60f, 0.20f}, {0.3f, 0.5f, 0.2f}, {0.35f, 0.60f, 0.05f}}};
    std::array<Shares, 3> kinds{{{0.58f, 0.12f, 0.12f, 0.07f, 0.04f, 0.07f},
                                 {0.66f, 0.10f, 0.06f, 0.05f, 0.00f, 0.13f},
                                 {0.55f, 0.10f, 0.12f, 0.13f, 0.00f, 0.10f}}};
    float chinese = 0.2f;   // of all documents
    float mixed = 0.08f;    // of these in either language, some words are in the other one
    float no_tags = 0.10f;  // of the documents with a problem: text without the tags
    float broken_tags = 0.04f;
    float cut_off = 0.03f;
    std::array<float, 3> aimed{0.35f, 0.60f,
                               0.75f};  // countdown: how often the last step of an attempt, of one in a
                                        // check, of one in a search is the one closest to the target
    std::array<float, 3> slips{0.06f, 0.03f, 0.01f};  // wrong results, per operation, in the same three
    std::array<float, 2> misjudged{0.05f, 0.02f};     // wrong verdicts, in check and in search
    float fresh = 0.85f;                              // of the attempts of a search avoid what was tried
};
CorpusRecipe corpus_recipe(const nlohmann::json& overrides);  // unknown keys are an Error

struct Document {
    std::string text;
    int family = 0;  // index in families()
    Language language = Language::english;
    DocumentKind kind = DocumentKind::terse;
    bool correct = false;  // a document with a problem: its last answer is right
};
Document make_document(const CorpusRecipe& recipe, uint64_t index);

// The tokens that are added to the vocabulary as they stand; the first ends each document.
inline constexpr const char* special_tokens[] = {"<|endoftext|>", "<think>", "</think>", "<answer>",
                                                 "</answer>"};

// What a stretch of the corpus consists of, for the share of searching documents that is shown beside every
// result.
struct CorpusCount {
    std::array<std::array<uint64_t, document_kinds>, 3> documents{}, bytes{}, correct{};
    uint64_t chinese = 0;
    void add(const Document& document);
    nlohmann::json summary() const;
};

}  // namespace r1
