#include "report/terminal_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/curves.h"

namespace r1 {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(TerminalText, HostileTextCannotSteerTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\rc\td\ne\x7f"), "a[2Jbc d\ne");
    EXPECT_EQ(printable("\xff\xe4\xb8"), "\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(printable("a\u202Eb\u200Dc\u0085d\u2028e"), "abcde");  // direction override, joiner, controls
    EXPECT_EQ(printable("中文 é 🙂"), "中文 é 🙂");
}

TEST(TerminalText, WidthsOfWideAndCombiningCharacters) {
    EXPECT_EQ(display_width("abc"), 3);
    EXPECT_EQ(display_width("中文"), 4);
    EXPECT_EQ(display_width("🙂"), 2);
    EXPECT_EQ(display_width("e\u0301"), 1);
    EXPECT_EQ(display_width("━╌▁█→✓"), 6);
}

TEST(TerminalText, ClipNeverExceedsItsColumns) {
    EXPECT_EQ(clip("abcdef", 6), "abcdef");
    EXPECT_EQ(clip("abcdef", 5), "abcd…");
    EXPECT_EQ(clip("中文字", 5), "中文…");
    EXPECT_EQ(clip("中文字", 4), "中…");
    EXPECT_EQ(clip("abc", 0), "");
    EXPECT_EQ(clip("abc", -3), "");
}

TEST(TerminalText, WrapBreaksAtSpacesAndKeepsLineFeeds) {
    EXPECT_EQ(wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
    EXPECT_EQ(wrap("one  two", 3), (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(wrap("abcdefgh", 3), (std::vector<std::string>{"abc", "def", "gh"}));
    EXPECT_EQ(wrap("a\n\nb", 10), (std::vector<std::string>{"a", "", "b"}));
    EXPECT_EQ(wrap("中文字", 1), (std::vector<std::string>{"中", "文", "字"}));  // at least two columns
    EXPECT_EQ(wrap("", 10), std::vector<std::string>{""});
    for (int columns = 2; columns < 30; ++columns) {
        for (const std::string& line :
             wrap("a long 中文 sentence, with averyveryverylongword in it 🙂🙂🙂", columns)) {
            EXPECT_LE(display_width(line), columns);
        }
    }
}

TEST(TerminalText, LineCountsColumnsWithoutStyles) {
    Line line(10, true);
    line.add("ab", Style::bold).to(4).right("7", 3).add("wxyz123", Style::dim);
    EXPECT_EQ(line.width(), 10);
    EXPECT_EQ(line.str(), "\x1b[1mab\x1b[0m    7\x1b[2mwx…\x1b[0m");
    Line plain(4, false);
    plain.add("ab", Style::bold).to(99).add("c");
    EXPECT_EQ(plain.str(), "ab  ");
}

TEST(TerminalText, Numbers) {
    EXPECT_EQ(format_number(7), "7");
    EXPECT_EQ(format_number(0.6124), "0.612");
    EXPECT_EQ(format_number(8.914), "8.91");
    EXPECT_EQ(format_number(118.34), "118.3");
    EXPECT_EQ(format_number(-0.5), "-0.500");
    EXPECT_EQ(format_number(31234.5), "31.2 k");
    EXPECT_EQ(format_number(1021632), "1.02 M");
    EXPECT_EQ(format_number(4e-6), "4.0e-06");
    EXPECT_EQ(format_number(1e300), "1e+300");
    EXPECT_EQ(format_number(nan), "–");
    EXPECT_EQ(format_number(-infinity), "–");
    EXPECT_EQ(format_percent(0.7141), "71.4 %");
    EXPECT_EQ(format_percent(nan), "–");
    EXPECT_EQ(format_duration(7.4), "0:07");
    EXPECT_EQ(format_duration(725), "12:05");
    EXPECT_EQ(format_duration(11045), "3:04:05");
    EXPECT_EQ(format_duration(nan), "–");
    EXPECT_EQ(format_count(1021632), "1,021,632");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(-1000), "-1,000");
}

TEST(Curves, SparklineScalesAndLeavesGaps) {
    const std::vector<double> rising = {0, 1, 2, 3, 4, 5, 6, 7};
    EXPECT_EQ(sparkline(rising, 20), "▁▂▃▄▅▆▇█");
    EXPECT_EQ(sparkline(rising, 4), "▁▃▆█");
    const std::vector<double> broken = {0, nan, infinity, 1};
    EXPECT_EQ(sparkline(broken, 9), "▁  █");
    EXPECT_EQ(sparkline(std::vector<double>{3, 3}, 9), "▁▁");
    EXPECT_EQ(sparkline({}, 9), "");
    EXPECT_EQ(sparkline(rising, -1), "");
}

TEST(Curves, BrailleConnectsPointsAndBreaksAtNaN) {
    const std::vector<Point> diagonal = {{0, 0}, {1, 1}};
    EXPECT_EQ(braille_curve(diagonal, 1, 1, 2, 1), std::vector<std::string>{"⡠⠊"});
    const std::vector<Point> gap = {{0, 0}, {0.5, nan}, {1, 1}};
    EXPECT_EQ(braille_curve(gap, 1, 1, 2, 1), std::vector<std::string>{"⡀⠈"});
    const std::vector<Point> outside = {{-9, -9}, {9, infinity}, {9, 9}};
    EXPECT_EQ(braille_curve(outside, 1, 1, 2, 1), std::vector<std::string>{"⡀⠈"});
    EXPECT_EQ(braille_curve({}, 0, 0, 3, 2), (std::vector<std::string>{"   ", "   "}));
}

TEST(Curves, AxisTop) {
    EXPECT_DOUBLE_EQ(axis_top(118), 150);
    EXPECT_DOUBLE_EQ(axis_top(100), 100);
    EXPECT_DOUBLE_EQ(axis_top(0.021), 0.03);
    EXPECT_DOUBLE_EQ(axis_top(9), 10);
    EXPECT_DOUBLE_EQ(axis_top(0), 1);
    EXPECT_DOUBLE_EQ(axis_top(nan), 1);
}

}  // namespace
}  // namespace r1
