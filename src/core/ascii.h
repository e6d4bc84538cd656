// Letters of ASCII, whatever the locale. (Of all scripts, as Python has them: text/python_string.h.)
#pragma once
#include <string>
#include <string_view>

namespace r1 {

constexpr bool is_ascii_letter(char32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string ascii_lower(std::string_view text) {
    std::string low(text);
    for (char& c : low) c = ascii_lower(c);
    return low;
}

}  // namespace r1
