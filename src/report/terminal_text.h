// Text for a terminal: what a model or a file wrote is shown without letting it steer the terminal, and every
// line knows how many columns it takes.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

// Valid UTF-8 without control or format characters (so no escape sequences); line feeds stay, tabs become a
// space, broken bytes become U+FFFD.
std::string printable(std::string_view text);

// Columns that printable text takes: 2 for East Asian wide characters and emoji, 0 for combining marks.
int display_width(std::string_view text);

// Printable text cut to at most `columns`, with an ellipsis where something was cut.
std::string clip(std::string_view text, int columns);

// Lines of at most `columns` (at least 2), broken at spaces where possible; line feeds are kept.
std::vector<std::string> wrap(std::string_view text, int columns);

enum class Style { plain, dim, bold, good, bad, accent, second };

// One line of at most `columns` columns; what does not fit is cut. Styles are written only with colour on.
class Line {
  public:
    Line(int columns, bool color) : columns_(columns), color_(color) {}
    Line& add(std::string_view text, Style style = Style::plain);
    Line& right(std::string_view text, int width,
                Style style = Style::plain);  // aligned right in `width` columns
    Line& to(int column);                     // spaces up to a column
    int width() const { return width_; }
    const std::string& str() const { return text_; }

  private:
    std::string text_;
    int columns_ = 0, width_ = 0;
    bool color_ = false;
};

// The escape sequence that begins a style; `style_end` ends every style.
std::string_view style_begin(Style style);
inline constexpr std::string_view style_end = "\x1b[0m";

// What a person reads: "7", "0.612", "31.2 k", "1.02 M"; "–" for NaN and infinities.
std::string format_number(double value);
std::string format_percent(double share);     // 0.714 -> "71.4 %"
std::string format_duration(double seconds);  // "0:07", "12:05", "3:04:05"
std::string format_count(long long count);    // 1021632 -> "1,021,632"

}  // namespace r1
