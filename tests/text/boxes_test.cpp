#include "text/boxes.h"

#include <gtest/gtest.h>

#include <string>

namespace r1 {
namespace {

std::string insides(std::string_view text, bool may_be_open = false) {
    std::string out;
    for (const Box& box : find_boxes(text, may_be_open)) {
        EXPECT_LE(box.end, text.size());
        out += std::string(box.inside) + ";";
    }
    return out;
}

TEST(Boxes, AreFoundInOnePass) {
    EXPECT_EQ(insides("\\boxed{1}, \\fbox{2} and boxed{3}"), "1;2;3;");
    EXPECT_EQ(insides("\\boxed{\\frac{1}{2}}"), "\\frac{1}{2};");
    EXPECT_EQ(insides("\\boxed{\\{1, 2\\}}"), "\\{1, 2\\};");
    EXPECT_EQ(insides("\\boxed{a \\boxed{b} c} \\boxed{d}"), "a \\boxed{b} c;d;");
    EXPECT_EQ(insides("{ \\boxed{1}"), "1;");
    EXPECT_EQ(insides("\\boxed{ \\boxed{1}"), "1;");
    EXPECT_EQ(insides("\\boxed 5."), "5;");
    EXPECT_EQ(insides("\\boxed{}"), ";");
    EXPECT_EQ(insides("\\boxed{5"), "");
    EXPECT_EQ(insides("\\boxed{5", true), "5;");
    EXPECT_EQ(insides("boxed"), "");
    for (const char* part : {"\\boxed{", "{", "}", "\\boxed{1}", "boxed"}) {
        std::string text;
        while (text.size() < 1'000'000) text += part;
        find_boxes(text, true);
    }
}

TEST(Boxes, TheLastOne) {
    EXPECT_EQ(last_box("\\boxed{1} \\boxed{2}"), "2");
    EXPECT_EQ(last_box("\\boxed{\\boxed{2}}"), "2");
    EXPECT_EQ(last_box("\\boxed{x = \\boxed{2}}"), "x = \\boxed{2}");
    EXPECT_EQ(last_box("\\boxed{2"), std::nullopt);
}

}  // namespace
}  // namespace r1
