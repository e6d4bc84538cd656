#include "report/thinking.h"

#include <gtest/gtest.h>

#include <sstream>

namespace r1 {
namespace {

const std::string text = "a <think>b < c 中</think> d </think> e";

std::string print(const std::string& whole, size_t piece, bool styled, bool thinking = false) {
    std::ostringstream out;
    ThinkingPrinter printer(out, styled, thinking);
    for (size_t at = 0; at < whole.size(); at += piece)
        printer.write(std::string_view(whole).substr(at, piece));
    printer.finish();
    return out.str();
}

TEST(ThinkingPrinter, DimsTheThoughtHoweverItIsCut) {
    for (size_t piece = 1; piece <= text.size(); ++piece) {
        EXPECT_EQ(print(text, piece, true), "a \x1b[2m<think>b < c 中</think>\x1b[0m d </think> e") << piece;
    }
}

TEST(ThinkingPrinter, WithoutStylesTheBytesAreUnchanged) {
    const std::string bytes = text + "\x1b[31m \xff\xe4";
    for (size_t piece = 1; piece <= bytes.size(); ++piece)
        EXPECT_EQ(print(bytes, piece, false), bytes) << piece;
}

TEST(ThinkingPrinter, ThoughtsThatThePromptOpenedOrNothingCloses) {
    EXPECT_EQ(print("b</think>c", 3, true, true), "\x1b[2mb</think>\x1b[0mc");
    EXPECT_EQ(print("<think>b", 3, true), "\x1b[2m<think>b\x1b[0m");
    EXPECT_EQ(print("a<thi", 2, true), "a<thi");
    EXPECT_EQ(print("", 1, true), "");
}

TEST(ThinkingPrinter, AModelCannotSteerTheTerminal) {
    EXPECT_EQ(print("a\x1b[2Jb\n\xff", 1, true), "a[2Jb\n\uFFFD");
}

TEST(ThinkingPrinter, ShowsTextAsSoonAsItCannotBecomeATag) {
    std::ostringstream out;
    ThinkingPrinter printer(out, true);
    printer.write("one <th");
    EXPECT_EQ(out.str(), "one ");
    printer.write("ree");
    EXPECT_EQ(out.str(), "one <three");
    printer.finish();
    printer.write("<think>x");
    printer.finish();
    printer.write("y");  // a new answer starts plain
    EXPECT_EQ(out.str(), "one <three\x1b[2m<think>x\x1b[0my");
}

}  // namespace
}  // namespace r1
