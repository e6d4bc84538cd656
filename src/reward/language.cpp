#include "reward/language.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/check.h"
#include "reward/prose.h"
#include "reward/reasoning.h"
#include "text/unicode.h"

namespace r1 {
namespace {

enum class Script : uint8_t {
    none,
    latin,
    han,
    kana,
    hangul,
    cyrillic,
    greek,
    arabic,
    hebrew,
    devanagari,
    thai
};

struct Range {
    char32_t first, last;
    Script script;
};
constexpr Range ranges[] = {
    {'A', 'Z', Script::latin},       {'a', 'z', Script::latin},        {0xC0, 0xD6, Script::latin},
    {0xD8, 0xF6, Script::latin},     {0xF8, 0x24F, Script::latin},     {0x300, 0x36F, Script::latin},
    {0x370, 0x3FF, Script::greek},   {0x400, 0x52F, Script::cyrillic}, {0x591, 0x5F4, Script::hebrew},
    {0x620, 0x65F, Script::arabic},  {0x66E, 0x6D3, Script::arabic},   {0x900, 0x963, Script::devanagari},
    {0xE01, 0xE4E, Script::thai},    {0x1100, 0x11FF, Script::hangul}, {0x1E00, 0x1EFF, Script::latin},
    {0x1F00, 0x1FFF, Script::greek}, {0x3005, 0x3007, Script::han},    {0x3041, 0x30FA, Script::kana},
    {0x30FC, 0x30FF, Script::kana},  {0x3130, 0x318F, Script::hangul}, {0x3400, 0x4DBF, Script::han},
    {0x4E00, 0x9FFF, Script::han},   {0xAC00, 0xD7A3, Script::hangul}, {0xF900, 0xFAFF, Script::han},
    {0xFF66, 0xFF9F, Script::kana},  {0x20000, 0x323AF, Script::han}};

Script script_of(char32_t c) {
    const auto* found =
        std::lower_bound(std::begin(ranges), std::end(ranges), c,
                         [](const Range& range, char32_t value) { return range.last < value; });
    return found != std::end(ranges) && found->first <= c ? found->script : Script::none;
}

bool by_character(Script script) {
    return script == Script::han || script == Script::kana || script == Script::thai;
}

// --- languages of the Latin script -----------------------------------------------------------------------

struct LatinLanguage {
    std::string_view name;
    std::string_view function_words;  // between spaces
    std::string_view own_letters;     // that English does not have
};
constexpr LatinLanguage latin_languages[] = {
    {"en",
     " the of and to is that it was for are with as be this have from or had by not but what were we when "
     "your can "
     "said there each which she do how their if will up other about out many then them these so some her "
     "would make "
     "like him into has two more no could than been who its now did get may you they i my at let wait since "
     "because "
     "therefore thus however first next also only must should does need find answer equals check think hmm "
     "okay ",
     ""},
    {"fr",
     " le la les des une est et dans que qui pour pas sur avec ce cette sont par plus nous vous il elle ils "
     "mais donc "
     "ou où au aux du en ne se son sa ses leur être avoir fait peut comme si alors car puis aussi très bien "
     "tout c'est "
     "l'on d'un d'une n'est qu'il il s'agit ",
     "éèêàçùâîôûëïœ"},
    {"de",
     " der die das und ist nicht ein eine einen einem einer zu den dem des mit auf für von sich auch es an "
     "als wie wir "
     "ich sie er aber oder wenn dann also nur noch bei nach aus so daß dass sind wird werden kann muss haben "
     "hat war "
     "über durch weil denn hier jetzt zuerst ",
     "äöüß"},
    {"es",
     " el la los las un una y es en que de no se por con para su lo como más pero sus le ya o este sí porque "
     "esta entre "
     "cuando muy sin sobre también me hasta hay donde quien desde todo nos durante son está entonces así "
     "cada del al ",
     "ñáíóúé¿¡"},
    {"it",
     " il lo la gli le un una di che è e per non con si da in del della dei delle sono come anche ma se più "
     "questo "
     "questa quindi allora perché nel nella al alla ha hanno essere ci ",
     "àèìòù"},
    {"pt",
     " o a os as um uma e é de que em não se por com para como mais mas foi ao ele das tem à seu sua ou ser "
     "quando muito "
     "há nos já está eu também só pelo pela até isso ela entre depois sem mesmo aos então do da no na ",
     "ãõçáéêíóôú"},
    {"nl",
     " de het een en van is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar heeft "
     "hebben wordt "
     "kan dus want wij we ik je hij zij deze dit die door over geen of ",
     "ĳ"}};

int latin_index(std::string_view name) {
    for (size_t i = 0; i < std::size(latin_languages); ++i)
        if (latin_languages[i].name == name) return static_cast<int>(i);
    return -1;
}

// --- targets ---------------------------------------------------------------------------------------------

struct Target {
    std::string_view name;
    Script script;
};
constexpr Target other_targets[] = {
    {"zh", Script::han},      {"ja", Script::kana},       {"ko", Script::hangul},
    {"ru", Script::cyrillic}, {"el", Script::greek},      {"ar", Script::arabic},
    {"he", Script::hebrew},   {"hi", Script::devanagari}, {"th", Script::thai}};

Target target_of(const std::string& name) {
    if (const int i = latin_index(name); i >= 0) return {latin_languages[i].name, Script::latin};
    for (const Target& target : other_targets)
        if (target.name == name) return target;
    fail("language: unknown target \"", name.substr(0, 40),
         "\"; the known ones are en fr de es it pt nl zh ja ko ru el ar he hi th");
}

// --- counting --------------------------------------------------------------------------------------------

struct Word {
    Script script = Script::none;
    std::string text;  // as written; of Latin words alone
    bool symbol = false;
};

bool is_symbol(const std::string& word) {
    static constexpr std::string_view names[] = {
        "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln",     "exp",    "max",    "min",
        "gcd", "lcm", "mod", "det", "dim", "lim", "deg", "arcsin", "arccos", "arctan", "km",
        "cm",  "mm",  "kg",  "mg",  "ml",  "hz",  "ok",  "pi",     "sqrt"};
    if (count_code_points(word) == 1) return true;
    const bool capitals = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (capitals && word.size() <= 5) return true;
    return std::find(std::begin(names), std::end(names), word) != std::end(names);
}

class Counter {
  public:
    explicit Counter(const Target& target) : target_(target), latin_(latin_index(target.name)) {}

    void add(Word word) { clause_.push_back(std::move(word)); }

    void end_clause() {
        if (clause_.empty()) return;
        const bool kana = has(Script::kana);
        if (latin_ >= 0 && has(Script::latin)) decide_latin();
        for (size_t i = 0; i < clause_.size(); ++i) {
            const Word& word = clause_[i];
            if (word.symbol) continue;
            bool hit = word.script == target_.script;
            if (word.script == Script::latin) {
                if (latin_ < 0 && stands_alone(i)) continue;
                hit = hit && latin_clause_is_target_;
            }
            if (word.script == Script::han) hit = target_.name == "ja" || (target_.name == "zh" && !kana);
            ++(hit ? count_.target : count_.other);
        }
        clause_.clear();
    }
    LanguageCount count() const { return count_; }

  private:
    bool has(Script script) const {
        return std::any_of(clause_.begin(), clause_.end(), [&](const Word& w) { return w.script == script; });
    }

    // A capitalised name in a text of another script.
    bool stands_alone(size_t i) const {
        const std::string& text = clause_[i].text;
        const bool latin_before = i > 0 && clause_[i - 1].script == Script::latin;
        const bool latin_after = i + 1 < clause_.size() && clause_[i + 1].script == Script::latin;
        const std::string lower = lowercase(text);
        return !latin_before && !latin_after && clause_.size() > 1 && lower != text &&
               latin_languages[0].function_words.find(" " + lower + " ") == std::string_view::npos;
    }

    void decide_latin() {
        std::array<int, std::size(latin_languages)> hits{};
        for (const Word& word : clause_) {
            if (word.script != Script::latin) continue;
            const std::string lower = lowercase(word.text), spaced = " " + lower + " ";
            for (size_t l = 0; l < hits.size(); ++l) {
                const LatinLanguage& language = latin_languages[l];
                hits[l] += 2 * (language.function_words.find(spaced) != std::string_view::npos);
                for (size_t at = 0; at < lower.size();) {
                    const size_t begin = at;
                    next_code_point(lower, at);
                    if (at - begin > 1 && language.own_letters.find(lower.substr(begin, at - begin)) !=
                                              std::string_view::npos) {
                        ++hits[l];
                        break;
                    }
                }
            }
        }
        const int most = *std::max_element(hits.begin(), hits.end());
        if (most > 0) latin_clause_is_target_ = hits[static_cast<size_t>(latin_)] == most;
    }

    Target target_;
    int latin_;
    bool latin_clause_is_target_ = true;
    std::vector<Word> clause_;
    LanguageCount count_;
};

bool ends_clause(char32_t c) {
    static constexpr std::u32string_view signs = U".,;:!?\n。，；：！？、…—";
    return signs.find(c) != std::u32string_view::npos;
}

}  // namespace

LanguageCount count_language(std::string_view text, const std::string& target) {
    Counter counter(target_of(target));
    const std::string prose = prose_of(to_valid_utf8(text));
    bool glued = false;  // to a digit or an underscore: "x_1", "2nd"
    for (size_t i = 0; i < prose.size();) {
        const size_t begin = i;
        const char32_t c = next_code_point(prose, i);
        const Script script = script_of(c);
        if (script == Script::none) {
            glued = (c >= '0' && c <= '9') || c == '_';
            if (ends_clause(c)) counter.end_clause();
            continue;
        }
        if (by_character(script)) {
            counter.add({script, "", false});
            glued = false;
            continue;
        }
        while (i < prose.size()) {
            size_t next = i;
            const char32_t d = next_code_point(prose, next);
            const bool apostrophe = (d == '\'' || d == U'’') && next < prose.size() &&
                                    script_of(next_code_point(prose, next)) == script;
            if (!apostrophe && script_of(d) != script) break;
            next_code_point(prose, i);
        }
        const bool followed = i < prose.size() && ((prose[i] >= '0' && prose[i] <= '9') || prose[i] == '_');
        std::string word = prose.substr(begin, i - begin);
        const bool symbol = glued || followed || (script == Script::latin && is_symbol(word)) ||
                            (script == Script::greek && count_code_points(word) == 1);
        counter.add({script, std::move(word), symbol});
        glued = false;
    }
    counter.end_clause();
    return counter.count();
}

namespace {
std::string target_name(const nlohmann::json& options) {
    check(options.is_object() && options.contains("target") && options["target"].is_string(),
          "language: the string target is missing, for example \"en\"");
    return options["target"].get<std::string>();
}
}  // namespace

void check_language_options(const nlohmann::json& options) {
    target_of(target_name(options));
}

Verdict verify_language(const nlohmann::json& options, std::string_view completion) {
    const std::string target = target_name(options);
    const LanguageCount count = count_language(thinking_of(completion), target);
    const int64_t all = count.target + count.other;
    if (all == 0) return {0, Outcome::unparsed, "there are no words"};
    const double score = static_cast<double>(count.target) / static_cast<double>(all);
    return {score, score == 1 ? Outcome::correct : Outcome::wrong,
            cat(count.target, " of ", all, " words are ", target)};
}

}  // namespace r1
