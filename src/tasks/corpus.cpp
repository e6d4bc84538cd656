#include "tasks/corpus.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/check.h"
#include "tasks/corpus_writer.h"

namespace r1 {
namespace corpus {
namespace {

constexpr const char* words[static_cast<size_t>(Word::count)][2] = {
    {" no", " 不对"},  {" wrong", " 错"},  {" too big", " 太大"}, {" too small", " 太小"},
    {" yes", " 对"},   {" wait", " 等等"}, {" give up", " 放弃"}, {" so", " 所以"},
    {" write", " 写"}, {" carry", " 进"},  {" borrow", " 借"},    {" suppose", " 假设"},
    {" true", " 真"},  {" false", " 假"},  {" make", " 算出"},
};

// The thinking and the answer of one document, before tags are put around them.
struct Story {
    bool thinks = false;
    std::string thinking, answer;
};

void end_without_success(Story& story, Scribe& scribe, Rng& rng, Voice& voice) {
    story.thinking += '\n';
    story.thinking += voice(Word::give_up);
    if (rng.chance(0.5f)) {
        scribe.guess(story.answer);
    } else {
        scribe.answer(story.answer);
    }
}

Story tell(const CorpusRecipe& recipe, Rng& rng, DocumentKind kind, int family, Scribe& scribe,
           Voice& voice) {
    Story story;
    story.thinks = kind != DocumentKind::terse;
    if (kind == DocumentKind::terse) {
        scribe.guess(story.answer);
        return story;
    }
    const Care care = kind == DocumentKind::attempt ? Care::attempt
                      : kind == DocumentKind::check ? Care::check
                                                    : Care::search;
    if (kind == DocumentKind::attempt || family == 1) {  // arithmetic has one working, with more or less care
        scribe.attempt(story.thinking, voice, care);
        scribe.answer(story.answer);
        return story;
    }
    const int most = kind == DocumentKind::check    ? rng.range(1, 3)
                     : kind == DocumentKind::search ? rng.range(3, 8)
                                                    : rng.range(7, 18);
    const float misjudged = recipe.misjudged[care == Care::check ? 0 : 1];
    for (int i = 0; i < most; ++i) {
        if (i) story.thinking += '\n';
        if (i && rng.chance(0.25f)) story.thinking += voice(Word::wait);
        bool good = scribe.attempt(story.thinking, voice, care);
        if (rng.chance(misjudged)) good = !good;
        scribe.verdict(story.thinking, voice, good);
        if (good) {
            scribe.answer(story.answer);
            return story;
        }
    }
    end_without_success(story, scribe, rng, voice);
    return story;
}

// The tags, or what people make of them.
std::string with_tags(const CorpusRecipe& recipe, Rng& rng, const Story& story, Voice& voice) {
    const float form = rng.uniform();
    if (form < recipe.no_tags) return story.thinking + (story.thinks ? voice(Word::so) : "") + story.answer;
    std::string open = "<think>", close = "</think>", before = "<answer>", after = "</answer>";
    if (!story.thinks) open.clear(), close.clear();
    if (form < recipe.no_tags + recipe.broken_tags) {
        switch (rng.below(4)) {
            case 0:
                after.clear();
                break;
            case 1:
                close.clear();
                break;
            case 2:
                before.clear(), after.clear();
                break;
            default:
                std::swap(before, after);
        }
    }
    return open + story.thinking + close + before + story.answer + after;
}

// Ends the text after a word somewhere in its second half.
void cut(std::string& text, size_t from, Rng& rng) {
    const size_t half = from + (text.size() - from) / 2;
    const size_t at =
        text.find(' ', half + rng.below(static_cast<uint32_t>(std::max<size_t>(text.size() - half, 1))));
    if (at != std::string::npos) text.resize(at);
}

}  // namespace

Language Voice::language() {
    if (mixed_ && rng_.chance(0.4f))
        return language_ == Language::english ? Language::chinese : Language::english;
    return language_;
}

const char* Voice::operator()(Word word) {
    return words[static_cast<size_t>(word)][static_cast<size_t>(language())];
}

}  // namespace corpus

const char* name_of(DocumentKind kind) {
    constexpr const char* names[document_kinds] = {"terse", "attempt", "check", "search", "persist", "facts"};
    return names[static_cast<size_t>(kind)];
}

Document make_document(const CorpusRecipe& recipe, uint64_t index) {
    using namespace corpus;
    Rng rng(recipe.seed, index);
    Document document;
    const size_t family = pick(rng, recipe.families);
    document.family = static_cast<int>(family);
    document.language = rng.chance(recipe.chinese) ? Language::chinese : Language::english;
    document.kind = static_cast<DocumentKind>(pick(rng, recipe.kinds[family]));
    Voice voice(rng, document.language, rng.chance(recipe.mixed));
    if (document.kind == DocumentKind::facts) {
        document.text = (family == 0   ? countdown_facts(rng, voice)
                         : family == 1 ? arithmetic_facts(rng, voice)
                                       : knights_facts(rng, voice));
        document.text += special_tokens[0];
        return document;
    }
    const int level = 1 + static_cast<int>(pick(rng, recipe.levels[family]));
    const auto scribe = family == 0   ? countdown_scribe(recipe, rng, level)
                        : family == 1 ? arithmetic_scribe(rng, level)
                                      : knights_scribe(recipe, rng, level, document.language);
    document.text = frame(scribe->question(document.language), document.language);
    const size_t prompt = document.text.size();
    document.text +=
        with_tags(recipe, rng, tell(recipe, rng, document.kind, document.family, *scribe, voice), voice);
    document.correct = scribe->right();
    if (rng.chance(recipe.cut_off)) {
        cut(document.text, prompt, rng);
        document.correct = false;
    }
    document.text += special_tokens[0];
    return document;
}

namespace {
void read(const nlohmann::json& value, float& out, const std::string& key) {
    check(value.is_number(), "corpus recipe: ", key, " is not a number");
    out = value.get<float>();
    check(out >= 0, "corpus recipe: ", key, " is negative");
}
template <class T, size_t N>
void read(const nlohmann::json& value, std::array<T, N>& out, const std::string& key) {
    check(value.is_array() && value.size() == N, "corpus recipe: ", key, " needs ", N, " items");
    for (size_t i = 0; i < N; ++i) read(value[i], out[i], cat(key, "[", i, "]"));
}
}  // namespace

CorpusRecipe corpus_recipe(const nlohmann::json& overrides) {
    CorpusRecipe recipe;
    check(overrides.is_object(), "corpus recipe: not an object");
    for (const auto& [key, value] : overrides.items()) {
        if (key == "seed") {
            check(value.is_number_unsigned(), "corpus recipe: seed is not a whole number");
            recipe.seed = value.get<uint64_t>();
        } else if (key == "families")
            read(value, recipe.families, key);
        else if (key == "levels")
            read(value, recipe.levels, key);
        else if (key == "kinds")
            read(value, recipe.kinds, key);
        else if (key == "chinese")
            read(value, recipe.chinese, key);
        else if (key == "mixed")
            read(value, recipe.mixed, key);
        else if (key == "no_tags")
            read(value, recipe.no_tags, key);
        else if (key == "broken_tags")
            read(value, recipe.broken_tags, key);
        else if (key == "cut_off")
            read(value, recipe.cut_off, key);
        else if (key == "aimed")
            read(value, recipe.aimed, key);
        else if (key == "slips")
            read(value, recipe.slips, key);
        else if (key == "misjudged")
            read(value, recipe.misjudged, key);
        else if (key == "fresh")
            read(value, recipe.fresh, key);
        else
            fail("corpus recipe: unknown key ", key);
    }
    return recipe;
}

void CorpusCount::add(const Document& document) {
    const auto family = static_cast<size_t>(document.family), kind = static_cast<size_t>(document.kind);
    ++documents[family][kind];
    bytes[family][kind] += document.text.size();
    correct[family][kind] += document.correct;
    chinese += document.language == Language::chinese;
}

nlohmann::json CorpusCount::summary() const {
    uint64_t all = 0;
    for (const auto& family : documents)
        for (const uint64_t count : family) all += count;
    const double total = static_cast<double>(std::max<uint64_t>(all, 1));
    nlohmann::json out = {{"documents", all}, {"chinese", static_cast<double>(chinese) / total}};
    double searching = 0;
    for (size_t f = 0; f < documents.size(); ++f) {
        for (size_t k = 0; k < document_kinds; ++k) {
            const uint64_t count = documents[f][k];
            if (count == 0) continue;
            const double n = static_cast<double>(count);
            out["families"][families()[f].name][name_of(static_cast<DocumentKind>(k))] = {
                {"share", n / total},
                {"mean_bytes", static_cast<double>(bytes[f][k]) / n},
                {"correct", static_cast<double>(correct[f][k]) / n}};
            if (k == static_cast<size_t>(DocumentKind::search) ||
                k == static_cast<size_t>(DocumentKind::persist))
                searching += n;
        }
    }
    out["searching"] = searching / total;
    return out;
}

}  // namespace r1
