#include <algorithm>
#include <string>
#include <unordered_map>

#include "algebra/lexer.h"
#include "algebra/words.h"

namespace r1::algebra {
namespace {

using Type = CommandType;

const std::unordered_map<std::string_view, Command>& commands() {
    static const auto table = [] {
        std::unordered_map<std::string_view, Command> all;
        const auto signs = {
            std::pair{"times", "*"},
            {"cdot", "*"},
            {"ast", "*"},
            {"bullet", "*"},
            {"star", "*"},
            {"div", "/"},
            {"slash", "/"},
            {"le", "<="},
            {"leq", "<="},
            {"leqslant", "<="},
            {"leqq", "<="},
            {"ge", ">="},
            {"geq", ">="},
            {"geqslant", ">="},
            {"geqq", ">="},
            {"lt", "<"},
            {"gt", ">"},
            {"ne", "!="},
            {"neq", "!="},
            {"approx", "~"},
            {"simeq", "~"},
            {"thickapprox", "~"},
            {"approxeq", "~"},
            {"doteq", "~"},
            {"sim", "~"},
            {"equiv", "==="},
            {"cong", "==="},
            {"in", "in"},
            {"cup", "cup"},
            {"bigcup", "cup"},
            {"cap", "cap"},
            {"bigcap", "cap"},
            {"setminus", "\\"},
            {"backslash", "\\"},
            {"pm", "+-"},
            {"mp", "-+"},
            {"circ", "°"},
            {"degree", "°"},
            {"land", "and"},
            {"wedge", "and"},
            {"lor", "or"},
            {"vee", "or"},
            {"mid", "|"},
            {"vert", "|"},
            {"lvert", "|"},
            {"rvert", "|"},
            {"Vert", "||"},
            {"lVert", "||"},
            {"rVert", "||"},
            {"lfloor", "lfloor"},
            {"rfloor", "rfloor"},
            {"lceil", "lceil"},
            {"rceil", "rceil"},
            {"langle", "<("},
            {"rangle", ")>"},
            {"lbrace", "\\{"},
            {"rbrace", "\\}"},
            {"lbrack", "["},
            {"rbrack", "]"},
            {"lparen", "("},
            {"rparen", ")"},
            {"prime", "'"},
            {"colon", ":"},
            {"choose", "choose"},
            {"bmod", "mod"},
            {"mod", "mod"},
            {"pmod", "pmod"},
            {"to", "->"},
            {"rightarrow", "->"},
            {"Rightarrow", "->"},
            {"implies", "->"},
            {"mapsto", "->"},
            {"longrightarrow", "->"},
            {"iff", "->"},
            {"Leftrightarrow", "->"},
            {"colonequals", "="},
            {"newline", "\\\\"},
            {"cr", "\\\\"},
            {"tabularnewline", "\\\\"},
        };
        for (const auto& [name, plain] : signs) all[name] = {Type::sign, plain};
        for (const char* name : {"alpha",      "beta",     "gamma",    "delta",  "epsilon",
                                 "varepsilon", "zeta",     "eta",      "theta",  "vartheta",
                                 "iota",       "kappa",    "lambda",   "mu",     "nu",
                                 "xi",         "rho",      "sigma",    "tau",    "upsilon",
                                 "phi",        "varphi",   "chi",      "psi",    "omega",
                                 "Gamma",      "Delta",    "Theta",    "Lambda", "Xi",
                                 "Pi",         "Sigma",    "Phi",      "Psi",    "Omega",
                                 "hbar",       "ell",      "partial",  "nabla",  "mho",
                                 "aleph",      "angle",    "triangle", "perp",   "parallel",
                                 "forall",     "exists",   "square",   "Box",    "measuredangle",
                                 "subset",     "subseteq", "supset",   "notin",  "neg",
                                 "cdots",      "Re",       "Im",       "odot",   "oplus",
                                 "otimes"})
            all[name] = {Type::name, name};
        for (const char* name :
             {"ldots", "dots", "cdots", "dotsc", "dotsm", "dotsb", "dotso", "vdots", "ddots"})
            all[name] = {Type::name, "..."};
        all["pi"] = {Type::constant, "pi"};
        all["infty"] = {Type::constant, "inf"};
        all["infin"] = {Type::constant, "inf"};
        all["emptyset"] = {Type::constant, "empty"};
        all["varnothing"] = {Type::constant, "empty"};
        all["imath"] = {Type::constant, "i"};
        all["R"] = {Type::constant, "reals"};
        all["Reals"] = {Type::constant, "reals"};
        for (const char* name :
             {"frac",   "sqrt",   "binom",  "sin",  "cos",      "tan",   "cot",      "sec",  "csc", "arcsin",
              "arccos", "arctan", "arccot", "sinh", "cosh",     "tanh",  "coth",     "ln",   "log", "lg",
              "exp",    "gcd",    "lcm",    "min",  "max",      "det",   "sum",      "prod", "int", "lim",
              "sup",    "inf",    "deg",    "arg",  "overline", "boxed", "stackrel", "root"})
            all[name] = {Type::function, name};
        for (const char* name : {"dfrac", "tfrac", "cfrac", "nicefrac", "sfrac", "flatfrac"})
            all[name] = {Type::function, "frac"};
        for (const char* name : {"dbinom", "tbinom"}) all[name] = {Type::function, "binom"};
        for (const char* name : {"fbox", "framebox"}) all[name] = {Type::function, "boxed"};
        for (const char* name : {"tg"}) all[name] = {Type::function, "tan"};
        for (const char* name : {"ctg", "cotg"}) all[name] = {Type::function, "cot"};
        all["cosec"] = {Type::function, "csc"};
        all["arctg"] = {Type::function, "arctan"};
        all["sh"] = {Type::function, "sinh"};
        all["ch"] = {Type::function, "cosh"};
        all["th"] = {Type::function, "tanh"};
        for (const char* name : {"left",
                                 "right",
                                 "middle",
                                 "big",
                                 "Big",
                                 "bigg",
                                 "Bigg",
                                 "bigl",
                                 "bigr",
                                 "Bigl",
                                 "Bigr",
                                 "biggl",
                                 "biggr",
                                 "Biggl",
                                 "Biggr",
                                 "bigm",
                                 "displaystyle",
                                 "textstyle",
                                 "scriptstyle",
                                 "limits",
                                 "nolimits",
                                 "!",
                                 ",",
                                 ";",
                                 ":",
                                 ">",
                                 "thinspace",
                                 "mathstrut",
                                 "hline",
                                 "hfill",
                                 "hfil",
                                 "small",
                                 "large",
                                 "Large",
                                 "huge",
                                 "bf",
                                 "rm",
                                 "it",
                                 "cal",
                                 "sc",
                                 "tt",
                                 "sf",
                                 "negthinspace",
                                 "strut",
                                 "(",
                                 ")",
                                 "[",
                                 "]",
                                 "/",
                                 "medspace",
                                 "allowbreak",
                                 "nobreak",
                                 "centering",
                                 "mathord",
                                 "mathbin",
                                 "mathrel",
                                 "mathopen",
                                 "mathclose",
                                 "bold",
                                 "ensuremath",
                                 "relax",
                                 "/",
                                 "null",
                                 "noindent",
                                 "blacksquare",
                                 "qed"})
            all[name] = {Type::skip, ""};
        for (const char* name :
             {"quad", "qquad", " ", "enspace", "thickspace", "space", "hskip", "par", "\n", "\t"})
            all[name] = {Type::space, ""};
        for (const char* name :
             {"text",   "textbf",       "textit", "textrm", "mbox",   "hbox",   "textnormal",
              "textsf", "texttt",       "emph",   "textsc", "textmd", "textup", "textsl",
              "mathop", "operatorname", "mathrm", "mathsf", "mathtt", "rm"})
            all[name] = {Type::words, ""};
        for (const char* name : {"mathbf",
                                 "mathit",
                                 "mathcal",
                                 "mathfrak",
                                 "mathscr",
                                 "boldsymbol",
                                 "bm",
                                 "pmb",
                                 "underline",
                                 "vec",
                                 "hat",
                                 "widehat",
                                 "overrightarrow",
                                 "overleftrightarrow",
                                 "tilde",
                                 "widetilde",
                                 "textcolor",
                                 "underbrace",
                                 "overbrace",
                                 "cancel",
                                 "mathbb",
                                 "bar",
                                 "dot",
                                 "ddot",
                                 "acute",
                                 "overset",
                                 "smash",
                                 "substack",
                                 "mathnormal",
                                 "raisebox"})
            all[name] = {Type::style, name};
        for (const char* name : {"label", "tag", "hspace", "vspace", "phantom", "hphantom", "vphantom",
                                 "color", "operatorname*", "ref", "kern", "mspace", "footnote"})
            all[name] = {Type::drop, ""};
        all["begin"] = {Type::environment, "begin"};
        all["end"] = {Type::environment, "end"};
        all["%"] = {Type::sign, "%"};
        all["&"] = {Type::sign, "and"};
        all["{"] = {Type::sign, "\\{"};
        all["}"] = {Type::sign, "\\}"};
        all["\\"] = {Type::sign, "\\\\"};
        all["|"] = {Type::sign, "||"};
        all["_"] = {Type::sign, "_"};
        all["$"] = {Type::currency, "dollars"};
        all["#"] = {Type::skip, ""};
        all["pounds"] = {Type::currency, "pounds"};
        all["yen"] = {Type::currency, "yen"};
        all["euro"] = {Type::currency, "euros"};
        return all;
    }();
    return table;
}

struct Written {
    std::string_view sign, plain;
};
constexpr Written characters[] = {
    {"×", "*"},
    {"·", "*"},
    {"⋅", "*"},
    {"∙", "*"},
    {"•", "*"},
    {"✕", "*"},
    {"÷", "/"},
    {"∕", "/"},
    {"⁄", "/"},
    {"−", "-"},
    {"–", "-"},
    {"—", "-"},
    {"‐", "-"},
    {"‑", "-"},
    {"﹣", "-"},
    {"±", "\\pm "},
    {"∓", "\\mp "},
    {"≤", "\\le "},
    {"≦", "\\le "},
    {"⩽", "\\le "},
    {"≥", "\\ge "},
    {"≧", "\\ge "},
    {"⩾", "\\ge "},
    {"≠", "\\ne "},
    {"≈", "\\approx "},
    {"≃", "\\approx "},
    {"∼", "\\approx "},
    {"≒", "\\approx "},
    {"≡", "\\equiv "},
    {"≅", "\\equiv "},
    {"∈", "\\in "},
    {"∪", "\\cup "},
    {"∩", "\\cap "},
    {"∖", "\\setminus "},
    {"∞", "\\infty "},
    {"∅", "\\emptyset "},
    {"ℝ", "\\R "},
    {"√", "\\sqrt "},
    {"∛", "\\sqrt[3] "},
    {"∜", "\\sqrt[4] "},
    {"π", "\\pi "},
    {"𝜋", "\\pi "},
    {"°", "\\degree "},
    {"º", "\\degree "},
    {"′", "'"},
    {"’", "'"},
    {"‘", "'"},
    {"“", "\""},
    {"”", "\""},
    {"…", "\\ldots "},
    {"⋯", "\\ldots "},
    {"→", "\\to "},
    {"⇒", "\\to "},
    {"⇔", "\\to "},
    {"∧", "\\land "},
    {"∨", "\\lor "},
    {"∣", "|"},
    {"⌊", "\\lfloor "},
    {"⌋", "\\rfloor "},
    {"⌈", "\\lceil "},
    {"⌉", "\\rceil "},
    {"⟨", "\\langle "},
    {"⟩", "\\rangle "},
    {"∑", "\\sum "},
    {"∏", "\\prod "},
    {"∫", "\\int "},
    {"∠", "\\angle "},
    {"△", "\\triangle "},
    {"½", "\\frac{1}{2}"},
    {"⅓", "\\frac{1}{3}"},
    {"⅔", "\\frac{2}{3}"},
    {"¼", "\\frac{1}{4}"},
    {"¾", "\\frac{3}{4}"},
    {"⅕", "\\frac{1}{5}"},
    {"⅖", "\\frac{2}{5}"},
    {"⅗", "\\frac{3}{5}"},
    {"⅘", "\\frac{4}{5}"},
    {"⅙", "\\frac{1}{6}"},
    {"⅚", "\\frac{5}{6}"},
    {"⅛", "\\frac{1}{8}"},
    {"⅜", "\\frac{3}{8}"},
    {"⅝", "\\frac{5}{8}"},
    {"⅞", "\\frac{7}{8}"},
    {"、", ","},
    {"。", ". "},
    {"「", " "},
    {"」", " "},
    {"【", "["},
    {"】", "]"},
    {"€", " euros "},
    {"£", " pounds "},
    {"¥", " yuan "},
    {"￥", " yuan "},
    {"₹", " rupees "},
    {"α", "\\alpha "},
    {"β", "\\beta "},
    {"γ", "\\gamma "},
    {"δ", "\\delta "},
    {"ε", "\\epsilon "},
    {"ζ", "\\zeta "},
    {"η", "\\eta "},
    {"θ", "\\theta "},
    {"κ", "\\kappa "},
    {"λ", "\\lambda "},
    {"μ", "\\mu "},
    {"µ", "\\mu "},
    {"ν", "\\nu "},
    {"ξ", "\\xi "},
    {"ρ", "\\rho "},
    {"σ", "\\sigma "},
    {"τ", "\\tau "},
    {"φ", "\\phi "},
    {"ϕ", "\\phi "},
    {"χ", "\\chi "},
    {"ψ", "\\psi "},
    {"ω", "\\omega "},
    {"Γ", "\\Gamma "},
    {"Δ", "\\Delta "},
    {"Θ", "\\Theta "},
    {"Λ", "\\Lambda "},
    {"Σ", "\\Sigma "},
    {"Φ", "\\Phi "},
    {"Ψ", "\\Psi "},
    {"Ω", "\\Omega "},
    {"ℓ", "\\ell "},
    {"∂", "\\partial "},
    {"∀", "\\forall "},
    {"٪", "%"},
    {"٫", "."},
    {"٬", ","},
    {"，", ","},
    {"；", ";"},
    {"：", ":"},
    {"\u00a0", " "},
    {"\u2002", " "},
    {"\u2003", " "},
    {"\u2007", " "},
    {"\u2009", " "},
    {"\u200a", " "},
    {"\u202f", " "},
    {"\u3000", " "},
    {"\u200b", ""},
    {"\u200c", ""},
    {"\u200d", ""},
    {"\u2060", ""},
    {"\ufeff", ""},
    {"\u2061", ""},
    {"\u2062", ""},
    {"\u200e", ""},
    {"\u200f", ""},
    {"\u2212", "-"},
};

}  // namespace

std::optional<Command> find_command(std::string_view name) {
    const auto found = commands().find(name);
    if (found == commands().end()) return std::nullopt;
    return found->second;
}

std::optional<std::string_view> plain_character(std::string_view utf8) {
    static const auto table = [] {
        std::unordered_map<std::string_view, std::string_view> all;
        for (const Written& w : characters) all.emplace(w.sign, w.plain);
        return all;
    }();
    const auto found = table.find(utf8);
    if (found == table.end()) return std::nullopt;
    return found->second;
}

bool is_greek(std::string_view name) {
    static constexpr std::string_view plain[] = {"alpha",  "beta", "gamma", "delta",   "theta",
                                                 "lambda", "mu",   "sigma", "omega",   "phi",
                                                 "psi",    "rho",  "tau",   "epsilon", "zeta"};
    for (const std::string_view greek : plain)
        if (greek == name) return true;
    return false;
}

bool is_ordinal(std::string_view ending) {
    return ending == "st" || ending == "nd" || ending == "rd" || ending == "th";
}

bool is_function_name(std::string_view name) {
    static constexpr std::string_view names[] = {
        "sin",  "cos",  "tan",  "cot",   "sec",  "csc",   "arcsin", "arccos", "arctan", "asin", "acos",
        "atan", "sinh", "cosh", "tanh",  "ln",   "log",   "lg",     "exp",    "sqrt",   "gcd",  "lcm",
        "min",  "max",  "abs",  "floor", "ceil", "binom", "cbrt",   "sign",   "det",    "coth", "arccot"};
    for (const std::string_view known : names)
        if (known == name) return true;
    return false;
}

std::optional<int> number_word(std::string_view word) {
    static constexpr std::string_view words[] = {
        "zero",     "one",     "two",     "three",     "four",     "five",     "six",
        "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
    static constexpr std::string_view tens[] = {"thirty",  "forty",  "fifty", "sixty",
                                                "seventy", "eighty", "ninety"};
    for (size_t i = 0; i < std::size(words); ++i)
        if (words[i] == word) return static_cast<int>(i);
    for (size_t i = 0; i < std::size(tens); ++i)
        if (tens[i] == word) return static_cast<int>(30 + 10 * i);
    return std::nullopt;
}

std::optional<int64_t> scale_word(std::string_view word) {
    static constexpr std::pair<std::string_view, int64_t> scales[] = {{"hundred", 100},
                                                                      {"thousand", 1'000},
                                                                      {"million", 1'000'000},
                                                                      {"billion", 1'000'000'000},
                                                                      {"trillion", 1'000'000'000'000},
                                                                      {"万", 10'000},
                                                                      {"亿", 100'000'000}};
    for (const auto& [name, value] : scales)
        if (name == word) return value;
    return std::nullopt;
}

std::optional<int> part_word(std::string_view word) {
    static constexpr std::string_view parts[] = {"half",    "third",  "quarter", "fifth", "sixth",
                                                 "seventh", "eighth", "ninth",   "tenth"};
    if (word == "halves") return 2;
    if (word.ends_with('s')) word.remove_suffix(1);
    if (word == "fourth") return 4;
    if (word == "hundredth") return 100;
    if (word == "thousandth") return 1000;
    for (size_t i = 0; i < std::size(parts); ++i)
        if (parts[i] == word) return static_cast<int>(i + 2);
    return std::nullopt;
}

bool is_plain_unit(std::string_view text) {
    static constexpr std::string_view saying[] = {
        "factorial", "for",   "where", "when", "with",    "or", "nor",   "and",   "but",  "not",
        "no",        "is",    "isn't", "are",  "was",     "if", "to",    "minus", "plus", "than",
        "maybe",     "wrong", "over",  "half", "through", "at", "least", "most",  "more", "less"};
    if (text.starts_with("squared") || text.starts_with("cubed")) return false;  // 5 squared is 25
    while (!text.empty()) {
        const size_t end = std::min(text.find_first_of(" \t\n,;()"), text.size());
        const std::string_view word = text.substr(0, end);
        if (std::find(std::begin(saying), std::end(saying), word) != std::end(saying) || scale_word(word) ||
            part_word(word))
            return false;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

}  // namespace r1::algebra
