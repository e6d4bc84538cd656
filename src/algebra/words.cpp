#include <array>
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
                                 "noindent"})
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
        all["$"] = {Type::skip, ""};
        all["#"] = {Type::skip, ""};
        all["pounds"] = {Type::skip, ""};
        all["yen"] = {Type::skip, ""};
        all["euro"] = {Type::skip, ""};
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

struct UnitRow {
    std::string_view words, dimension, factor;
};
// Words of one row are the same unit.
constexpr UnitRow unit_rows[] = {
    {"mm millimeter millimeters millimetre millimetres 毫米", "length", "1/1000"},
    {"cm centimeter centimeters centimetre centimetres 厘米", "length", "1/100"},
    {"dm decimeter decimeters 分米", "length", "1/10"},
    {"m meter meters metre metres 米", "length", "1"},
    {"km kilometer kilometers kilometre kilometres 千米 公里", "length", "1000"},
    {"inch inches", "length", "254/10000"},
    {"ft foot feet", "length", "3048/10000"},
    {"yd yard yards", "length", "9144/10000"},
    {"mile miles", "length", "1609344/1000"},
    {"mg milligram milligrams 毫克", "mass", "1/1000"},
    {"g gm gram grams 克", "mass", "1"},
    {"kg kilogram kilograms kilo kilos 千克 公斤", "mass", "1000"},
    {"ton tons tonne tonnes 吨", "mass", "1000000"},
    {"ms millisecond milliseconds", "time", "1/1000"},
    {"s sec secs second seconds 秒", "time", "1"},
    {"min mins minute minutes 分钟", "time", "60"},
    {"h hr hrs hour hours 小时 heures", "time", "3600"},
    {"day days 天", "time", "86400"},
    {"week weeks 周", "time", "604800"},
    {"ml milliliter milliliters mL 毫升", "volume", "1/1000"},
    {"l liter liters litre litres L 升", "volume", "1"},
    {"cent cents ¢", "dollar", "1/100"},
    {"dollar dollars usd 美元", "dollar", "1"},
};
constexpr std::string_view counting =
    " unit units square squared sq cubic cubed month months year years euro euros pound pounds lb lbs ounce "
    "ounces oz "
    "gallon gallons quart quarts pint pints cup cups acre acres hectare hectares mph kmh kph km/h m/s ways "
    "way pieces "
    "piece people persons person students student books book apples apple eggs egg times rupees yen yuan rmb "
    "元 块 角 "
    "个 只 人 本 件 分 岁 次 平方米 平方厘米 立方米 度 rad radian radians points point integers integer "
    "numbers values "
    "solutions dozen bits bytes hz khz mhz newton newtons n joule joules j watt watts volt volts v amp amps "
    "kelvin k "
    "pa kpa mol moles celsius fahrenheit revolutions rpm digits edges faces vertices sides tickets games "
    "meals dogs "
    "cats children teachers triangles multiples per ";

const std::unordered_map<std::string_view, Unit>& units() {
    static const auto table = [] {
        std::unordered_map<std::string_view, Unit> all;
        const auto each = [&](std::string_view words, Unit unit) {
            while (!words.empty()) {
                const size_t end = std::min(words.find(' '), words.size());
                if (end) all.emplace(words.substr(0, end), unit);
                words.remove_prefix(std::min(end + 1, words.size()));
            }
        };
        for (const UnitRow& row : unit_rows) each(row.words, {row.dimension, row.factor});
        each(counting, {"", "1"});
        return all;
    }();
    return table;
}

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

std::optional<Unit> find_unit(std::string_view word) {
    const auto found = units().find(word);
    if (found != units().end()) return found->second;
    std::string low(word);
    for (char& c : low)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto again = units().find(low);
    if (again == units().end()) return std::nullopt;
    return again->second;
}

bool is_unit(std::string_view word) {
    return find_unit(word).has_value();
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
    for (size_t i = 0; i < std::size(words); ++i)
        if (words[i] == word) return static_cast<int>(i);
    return std::nullopt;
}

}  // namespace r1::algebra
