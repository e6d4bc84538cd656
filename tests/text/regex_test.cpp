// Regexes in Oniguruma's syntax. Equality with Oniguruma on texts is in golden_tokenizer_test.cpp ("odd").
#include "text/regex.h"

#include <gtest/gtest.h>

#include "core/check.h"

namespace r1 {
namespace {

// The matches, separated by |.
std::string matches(const std::string& pattern, std::string_view text) {
    std::string out;
    size_t covered = 0;
    for (const Span& span : Regex(pattern).spans(text)) {
        EXPECT_EQ(span.begin, covered);  // spans cover the text
        covered = span.end;
        if (span.matched) out += std::string(text.substr(span.begin, span.end - span.begin)) + "|";
    }
    EXPECT_EQ(covered, text.size());
    return out;
}

TEST(Regex, MeansWhatOnigurumaMeans) {
    EXPECT_EQ(matches(R"(\s+)", "a\u0085\u2028b\u180E\u00A0c"),
              "\u0085\u2028|\u00A0|");                        // PCRE2 has U+180E in \s
    EXPECT_EQ(matches(R"(\p{N}{1,3}+)", "12345"), "12345|");  // not possessive, but repeated
    EXPECT_EQ(matches(R"(a++b|a)", "aab"), "aab|");
    EXPECT_EQ(matches(R"(\h+)", "xyFFz09"), "FF|09|");
    EXPECT_EQ(matches(R"(a(?i)b|c)", "aBabC"), "aB|ab|");  // (?i) is a(?i:b|c): no C without a
    EXPECT_EQ(matches(R"((?m:a.b))", "a\nb"), "a\nb|");
    EXPECT_EQ(matches(R"(a.b)", "a\nb"), "");
    EXPECT_EQ(matches(R"(^.|.$)", "ab\ncd"), "a|b|c|d|");
    EXPECT_EQ(matches(R"([\w&&[^\d]]+)", "ab12c"), "ab|c|");
    EXPECT_EQ(matches(R"([^a-c&&[b-e]]+)", "abcde"), "a|de|");
    EXPECT_EQ(matches(R"([a[xyz]]+)", "axbz"), "ax|z|");
    EXPECT_EQ(matches(R"([\W]+)", "a.b"), ".|");
    EXPECT_EQ(matches(R"([^\W\d]+)", "a1.b"), "a|b|");
    EXPECT_EQ(matches(R"(\p{^L}+)", "a12b"), "12|");
    EXPECT_EQ(matches(R"(a{,2})", "aaa"), "aa|a|");
    EXPECT_EQ(matches(R"(a{x)", "a{x"), "a{x|");
    EXPECT_EQ(matches(R"([]a]+)", "]a"), "]a|");
    EXPECT_EQ(matches(R"(\p{Uppercase_Letter}|\p{digit})", "aB1"), "B|1|");
    EXPECT_EQ(matches(R"(\x41\x{42}\u0043)", "ABC"), "ABC|");
    EXPECT_EQ(matches(R"(\p{L}+)", "\U00031350\uA7CBa."),
              "\U00031350\uA7CBa|");  // newer than PCRE2's Unicode
    EXPECT_EQ(matches(R"(\b\w)", "ab \u00E9\u0301c"), "a|\u00E9|");
    EXPECT_EQ(matches("", "ab"), "|||");
}

TEST(Regex, LiteralsAreLiteral) {
    std::string text = "a.*b[c]\\d{2}^$|(x)?+ \u00E9";
    auto spans = Regex::literal(text).spans("<" + text + ">");
    ASSERT_EQ(spans.size(), 3u);
    EXPECT_TRUE(spans[1].matched);
}

TEST(Regex, NamesWhatIsWrong) {
    for (const char* pattern : {"(",        ")",           "[",
                                "[a",       "a)",          "*",
                                "a\\",      "\\p{",        "\\p{NoSuchProperty}",
                                "(?x)a",    "(?~a)",       "\\xFF",
                                "\\uD800",  "\\x{110000}", "[[:nope:]]",
                                "\\y",      "(?<n",        "(?#",
                                "[^[^a]b]", "\\g",         "a\xFF",
                                "\\K"}) {
        try {
            Regex regex(pattern);
            ADD_FAILURE() << pattern << " compiles";
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("regex"), std::string::npos) << error.what();
        }
    }
    EXPECT_THROW(Regex(std::string(100'000, 'a')), Error);
    EXPECT_THROW(Regex(std::string(5'000, '(') + std::string(5'000, ')')), Error);
    EXPECT_THROW(Regex(std::string(100, '[') + "a"), Error);
}

}  // namespace
}  // namespace r1
