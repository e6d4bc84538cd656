#include "algebra/units.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "core/ascii.h"

namespace r1::algebra {
namespace {

struct Unit {
    std::string_view dimension, factor;  // its size in the base unit of that dimension; counting has none
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
    {"lb lbs", "mass", "45359237/100000"},
    {"ms millisecond milliseconds", "time", "1/1000"},
    {"s sec secs second seconds 秒", "time", "1"},
    {"min mins minute minutes 分钟", "time", "60"},
    {"h hr hrs hour hours 小时 heures", "time", "3600"},
    {"day days 天", "time", "86400"},
    {"week weeks 周", "time", "604800"},
    {"month months", "month", "1"},
    {"year years", "month", "12"},
    {"ml milliliter milliliters mL 毫升", "volume", "1/1000"},
    {"l liter liters litre litres L 升", "volume", "1"},
    {"gallon gallons", "gallon", "1"},
    {"quart quarts", "gallon", "1/4"},
    {"pint pints", "gallon", "1/8"},
    {"cent cents ¢", "dollar", "1/100"},
    {"dollar dollars usd 美元", "dollar", "1"},
    {"euro euros", "euro", "1"},
    {"yuan rmb 元", "yuan", "1"},
    {"rupee rupees", "rupee", "1"},
    {"yen", "yen", "1"},
};
constexpr std::string_view counting =
    " unit units square squared sq cubic cubed pound pounds ounce ounces oz cup cups acre acres hectare "
    "hectares "
    "mph kmh kph ways way pieces "
    "piece people persons person students student books book apples apple eggs egg times 块 角 "
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

std::optional<Unit> find_unit(std::string_view word) {
    auto found = units().find(word);
    if (found == units().end()) found = units().find(ascii_lower(word));
    if (found == units().end()) return std::nullopt;
    return found->second;
}

// "^2", "^{-1}": the power at the start of the text, which is taken off; 0 where it is none.
int take_power(std::string_view& text) {
    text.remove_prefix(1);
    const bool braced = text.starts_with('{');
    if (braced) text.remove_prefix(1);
    const bool minus = text.starts_with('-');
    if (minus) text.remove_prefix(1);
    if (text.empty() || text[0] < '1' || text[0] > '9') return 0;
    const int power = text[0] - '0';
    text.remove_prefix(1);
    if (braced && text.starts_with('}')) text.remove_prefix(1);
    return minus ? -power : power;
}

}  // namespace

bool is_unit(std::string_view word) {
    return find_unit(word).has_value();
}

bool is_currency(std::string_view word) {
    for (const std::string_view known : {"dollars", "euros", "pounds", "yuan", "rupees", "yen"})
        if (word == known) return true;
    return false;
}

std::optional<Measure> measure_of(std::string_view text) {
    Measure out;
    int power = 1, sign = 1;  // of the unit that comes next
    int last_sign = 1;
    std::string_view last;  // the dimension that "squared" belongs to
    mpq_class last_factor;
    const auto times = [&](std::string_view dimension, const mpq_class& factor, int exponent) {
        if ((out.dimensions[dimension] += exponent) == 0) out.dimensions.erase(dimension);
        for (int k = 0; k < std::abs(exponent); ++k)
            out.factor = exponent > 0 ? mpq_class(out.factor * factor) : mpq_class(out.factor / factor);
    };
    for (const auto& [name, meaning] : {std::pair<std::string_view, std::string_view>{"mph", "mile/hour"},
                                        {"kmh", "km/hour"},
                                        {"kph", "km/hour"},
                                        {"in", "inch"},
                                        {"in^2", "inch^2"},
                                        {"in^3", "inch^3"}})
        if (text == name) text = meaning;
    while (!text.empty()) {
        if (text[0] == ' ' || text[0] == '.') {
            text.remove_prefix(1);
        } else if (text[0] == '/') {
            sign = -1;
            text.remove_prefix(1);
        } else {
            const size_t end = std::min(text.find_first_of(" ./^"), text.size());
            const std::string word = ascii_lower(text.substr(0, end));
            const auto unit = find_unit(text.substr(0, end));
            text.remove_prefix(end);
            if (word == "per") {
                sign = -1;
            } else if (word == "square" || word == "sq") {
                power = 2;
            } else if (word == "cubic" || word == "cu") {
                power = 3;
            } else if (word == "squared" || word == "cubed") {
                if (last.empty()) return std::nullopt;
                times(last, last_factor, last_sign * (word == "squared" ? 1 : 2));
            } else {
                if (!unit || unit->dimension.empty() || end == 0) return std::nullopt;
                if (text.starts_with('^')) power = take_power(text);
                if (power == 0) return std::nullopt;
                last = unit->dimension;
                last_factor = mpq_class(std::string(unit->factor), 10);
                last_factor.canonicalize();
                last_sign = sign;
                times(last, last_factor, sign * power);
                power = sign = 1;
            }
        }
    }
    if (last.empty()) return std::nullopt;
    return out;
}

}  // namespace r1::algebra
