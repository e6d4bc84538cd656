#include "formats/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/temp_folder.h"

namespace r1 {
namespace {

TEST(Json, RefusesDeepNestingAndBrokenText) {
    EXPECT_EQ(parse_json(R"({"a":"[[[[\"[["})", "x", 1)["a"], "[[[[\"[[");
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[1e999]"), std::string("\"\xff\""),
          std::string("nul"), std::string("{}{}"), std::string("]]]]"), std::string("\"\\")})
        EXPECT_NE(error_of([&] { parse_json(text, "x.json"); }).find("x.json"), std::string::npos) << text;
    EXPECT_NE(error_of([&] { parse_json(std::string(100'000, '['), "x"); }).find("deeper"),
              std::string::npos);
    EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']'), "x"));
}

}  // namespace
}  // namespace r1
