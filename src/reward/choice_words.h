// The words around the letter of an option that say what is meant by it. All are in lower case; several
// languages share a set, since none of the words means the opposite in another one.
#pragma once
#include <algorithm>
#include <span>
#include <string_view>

namespace r1::choice_words {

using Words = std::span<const std::string_view>;

inline bool has(Words words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// "answer" and what stands for it.
inline constexpr std::string_view answer[] = {"answer",   "ans",      "réponse",  "reponse",  "respuesta",
                                              "resposta", "risposta", "answer's", "antwort",  "antwoord",
                                              "svar",     "cevap",    "jawaban",  "odpowiedź"};
// These need one of `adjectives` before them, or a colon behind.
inline constexpr std::string_view option[] = {"option",    "choice",   "letter", "solution",
                                              "one",       "response", "pick",   "guess",
                                              "selection", "answers",  "opción", "option"};
inline constexpr std::string_view adjectives[] = {"correct", "right",  "best",  "final",   "my",
                                                  "chosen",  "likely", "true",  "only",    "accurate",
                                                  "proper",  "valid",  "bonne", "richtige"};
inline constexpr std::string_view denying_adjectives[] = {"wrong", "incorrect", "false", "worst",  "not",
                                                          "bad",   "isn't",     "nor",   "neither"};
inline constexpr std::string_view copulas[] = {"is", "was", "be", "being", "equals", "est",
                                               "es", "ist", "è",  "é",     "będzie"};
// May stand between "answer is" and the letter, or between "answer" and "is".
inline constexpr std::string_view fillers[] = {
    "the",    "indeed",   "clearly",   "definitely", "certainly", "probably",  "likely",  "most",
    "simply", "just",     "obviously", "actually",   "really",    "therefore", "thus",    "hence",
    "then",   "so",       "surely",    "sure",       "for",       "in",        "fact",    "i",
    "think",  "believe",  "say",       "guess",      "must",      "should",    "will",    "option",
    "choice", "letter",   "given",     "by",         "here",      "again",     "also",    "now",
    "that",   "finally",  "doubtless", "without",    "a",         "doubt",     "to",      "this",
    "of",     "question", "problem",   "above",      "it",        "following", "number",  "undoubtedly",
    "la",     "le",       "die",       "der",        "el",        "opción",    "correct", "right",
    "best",   "as",       "correcta",  "correcte",   "richtig",   "would",     "i'd",     "could",
    "only",   "still"};
inline constexpr std::string_view choosing[] = {"choose",  "chose",  "choosing", "pick",
                                                "picked",  "select", "selected", "selecting",
                                                "choisis", "elijo",  "wähle"};
// Before "with" or "for": "go with C", "opt for C".
inline constexpr std::string_view going[] = {"go",     "going", "went",   "opt",
                                             "opting", "stick", "settle", "vote"};
// "it's C", "that leaves C", "therefore C"
inline constexpr std::string_view weak[] = {"it's",  "that's", "matches",   "leaves",    "leaving",
                                            "guess", "say",    "therefore", "thus",      "hence",
                                            "so",    "means",  "c'est",     "conclusion"};
inline constexpr std::string_view weak_subjects[] = {"it", "that", "this", "which", "conclusion", "result"};

inline constexpr std::string_view denials[] = {
    "not",     "no",       "non",       "nor",       "neither",     "never",      "cannot",
    "isn't",   "can't",    "couldn't",  "wasn't",    "won't",       "doesn't",    "don't",
    "didn't",  "wouldn't", "shouldn't", "aren't",    "except",      "unlike",     "rather",
    "instead", "than",     "over",      "eliminate", "eliminated",  "eliminates", "exclude",
    "reject",  "rule",     "ruled",     "ruling",    "eliminating", "excluding",  "nicht",
    "pas",     "wrong",    "incorrect", "false",     "impossible",  "discard"};
// Of what stands behind "C is": the option is denied, or chosen.
inline constexpr std::string_view denied[] = {"not",   "wrong",    "incorrect",  "false",      "invalid",
                                              "out",   "unlikely", "never",      "impossible", "eliminated",
                                              "ruled", "too",      "also wrong", "irrelevant", "inaccurate"};
inline constexpr std::string_view chosen[] = {"correct", "right", "true", "valid", "answer", "best"};
inline constexpr std::string_view is_words[] = {"is", "must", "should", "seems", "looks", "appears", "has"};
inline constexpr std::string_view adverbs[] = {
    "be",        "the",       "clearly", "also",      "definitely", "indeed", "most",
    "only",      "certainly", "to",      "therefore", "thus",       "my",     "likely",
    "obviously", "single",    "a",       "probably",  "simply",     "likely", "undoubtedly"};
// May follow the letter of a statement without making it stray.
inline constexpr std::string_view connectors[] = {
    "because", "since",    "as",        "and",    "or",    "not",   "but",    "non",   "rather", "instead",
    "which",   "that",     "due",       "given",  "with",  "while", "where",  "so",    "then",   "when",
    "it",      "this",     "they",      "we",     "the",   "if",    "unless", "on",    "from",   "after",
    "based",   "i",        "can",       "for",    "by",    "is",    "was",    "has",   "does",   "would",
    "will",    "should",   "must",      "who",    "seems", "here",  "per",    "are",   "in",     "over",
    "et",      "car",      "weil",      "porque", "und",   "oder",  "ou",     "y",     "o",      "option",
    "though",  "although", "therefore", "thus",   "hence", "nicht", "pas",    "isn't", "can't",  "cannot",
    "doesn't", "wasn't",   "won't"};
// Behind a letter at the very beginning of the text only these do; "A is …" and "C for …" may be anything.
inline constexpr std::string_view leading_connectors[] = {"because", "since", "as",      "and",    "or",
                                                          "not",     "but",   "non",     "rather", "due",
                                                          "given",   "it",    "instead", "und",    "oder"};
inline constexpr std::string_view conjunctions[] = {"and", "or", "und", "oder", "ou",
                                                    "y",   "et", "&",   "/",    "、"};
// "because B is valid": what may stand before the letter.
inline constexpr std::string_view openers[] = {
    "because", "since", "so",     "thus",      "therefore",  "hence",  "think",  "believe",  "that",
    "only",    "and",   "but",    "option",    "choice",     "answer", "letter", "then",     "say",
    "means",   "know",  "sure",   "guess",     "clearly",    "see",    "find",   "conclude", "feel",
    "as",      "now",   "indeed", "obviously", "definitely", "or",     "shows",  "confirms", "yes"};
inline constexpr std::string_view hypothetical[] = {"if",       "suppose",   "assume",
                                                    "assuming", "supposing", "were"};
// A later statement behind one of these takes an earlier one back, or concludes.
inline constexpr std::string_view turns[] = {
    "wait",      "actually",   "no",         "but",           "correction", "sorry",   "however",
    "instead",   "mistake",    "reconsider", "oops",          "hmm",        "error",   "wrong",
    "incorrect", "rather",     "so",         "therefore",     "thus",       "hence",   "finally",
    "overall",   "conclusion", "conclude",   "concluding",    "final",      "recheck", "rechecking",
    "mistaken",  "corrected",  "revised",    "reconsidering", "though"};
inline constexpr std::string_view corrections[] = {
    "wait",       "actually",   "no",       "correction", "sorry",   "mistake",      "oops",
    "reconsider", "rechecking", "mistaken", "corrected",  "revised", "reconsidering"};

// Ends of a run of Chinese, Japanese or Korean characters before the letter.
inline constexpr std::string_view script_fillers[] = {
    "选项", "应该", "应当", "肯定", "显然", "一定", "很可能", "就", "应", "第", "は", "은", "는", "字母"};
inline constexpr std::string_view script_copulas[] = {"是", "为", "即", "為"};
inline constexpr std::string_view script_choosing[] = {"选择", "选", "選"};
inline constexpr std::string_view script_answer[] = {"答案", "解答", "回答", "答",
                                                     "正解", "答え", "정답", "답"};
inline constexpr std::string_view script_final[] = {"最终答案", "最后答案", "最終答案"};
inline constexpr std::string_view script_right[] = {"正确", "正确的", "最佳", "合适", "合适的", "最合适的"};
inline constexpr std::string_view script_denials[] = {"不", "不能", "非",     "并非", "没有",
                                                      "未", "排除", "除了",   "而不", "别",
                                                      "勿", "不会", "不可能", "错误", "错误的"};
inline constexpr std::string_view script_hypothetical[] = {"如果", "若", "假如", "假设",
                                                           "要是", "谁", "有人"};
inline constexpr std::string_view script_weak[] = {"所以", "因此", "故", "那么", "综上", "因而"};
// Beginnings of a run behind the letter.
inline constexpr std::string_view script_after[] = {"选项", "项", "都", "才", "就", "显然", "是", "最"};
inline constexpr std::string_view script_chosen[] = {"正确", "对", "符合", "合适", "合理", "成立"};
inline constexpr std::string_view script_denied[] = {"不对", "不正确", "错",   "不可能", "不符", "不能",
                                                     "有误", "被排除", "排除", "不成立", "不选", "不合"};
inline constexpr std::string_view script_turns[] = {"等等", "不对", "更正", "错",     "重新",
                                                    "然而", "但",   "其实", "实际上", "因此",
                                                    "所以", "综上", "最终", "故",     "应该是"};
inline constexpr std::string_view script_break[] = {"不", "非", "错", "排除", "因为", "而"};

}  // namespace r1::choice_words
