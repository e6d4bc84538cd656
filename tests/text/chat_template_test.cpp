// Chat templates against Jinja2 as transformers sets it up (scripts/golden_templates.py), and hostile ones.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "core/files.h"
#include "text/tokenizer.h"

namespace r1 {
namespace {

using nlohmann::ordered_json;

const fs::path golden = fs::path(R1_SOURCE_DIR) / "tests/golden/text";

std::string render(const std::string& source, const ordered_json& extra = ordered_json::object()) {
    return ChatTemplate(source).render(ordered_json::array(), false, extra);
}

TEST(ChatTemplate, RendersAsJinja2) {
    auto file = ordered_json::parse(read_file(golden / "templates.json"));
    std::vector<std::pair<std::string, std::string>> special;
    for (const auto& [name, text] : file["special_tokens"].items())
        special.emplace_back(name, text.get<std::string>());
    ASSERT_GT(file["cases"].size(), 100u);
    for (const auto& example : file["cases"]) {
        auto source = file["template"][example["template"].get<size_t>()].get<std::string>();
        const auto& messages = file["messages"][example["messages"].get<size_t>()];
        const auto& extra = file["extra"][example["extra"].get<size_t>()];
        auto generation = example["add_generation_prompt"].get<bool>();
        if (example.contains("error")) {
            EXPECT_THROW(ChatTemplate(source, special).render(messages, generation, extra), Error)
                << source << "\n"
                << example["error"];
            continue;
        }
        try {
            EXPECT_EQ(ChatTemplate(source, special).render(messages, generation, extra),
                      example["text"].get<std::string>())
                << source;
        } catch (const Error& error) {
            ADD_FAILURE() << error.what() << "\n" << source;
        }
    }
}

TEST(ChatTemplate, ErrorsNameTheLine) {
    auto message = [](const std::string& source) {
        try {
            render(source);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    EXPECT_EQ(message("a\n\n{{ raise_exception('no ' ~ 'tools') }}"), "chat template, line 3: no tools");
    EXPECT_EQ(message("\n{{ nope.x }}"), "chat template, line 2: 'nope' is undefined");
    EXPECT_EQ(message("{% if true %}\n"), "chat template, line 1: 'endif' is missing");
    EXPECT_NE(message("{% include 'x' %}").find("include"), std::string::npos);
    EXPECT_NE(message("{{ 'x' | lipsum }}").find("lipsum"), std::string::npos);
}

TEST(ChatTemplate, HostileTemplatesEndInAnError) {
    std::string deep_list, deep_not, deep_if, chain = "{{ 1", filters = "{{ 'a'", attributes = "{{ a";
    for (int i = 0; i < 5000; ++i) {
        deep_list += "[";
        deep_not += "not ";
        deep_if += "{% if true %}";
        chain += " + 1";
        filters += " | upper";
        attributes += ".b";
    }
    const std::string cases[] = {
        "{{ " + deep_list + " }}",
        "{{ " + deep_not + "1 }}",
        "{{ " + std::string(5000, '(') + " }}",
        "{{ " + std::string(5000, '-') + "1 }}",
        deep_if,
        chain + " }}",
        filters + " }}",
        attributes + " }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ f(x + 1) }}{{ f(x + 1) }}{% endmacro %}{{ f(0) }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}x{% endfor %}{% "
        "endfor %}{% endfor %}",
        "{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ "
        "ns.x }}",
        "{% set ns = namespace(x=1) %}{% set ns.x = [ns] %}{{ ns }}",
        "{{ 'a' * 10000000000 }}",
        "{{ [1] * 10000000000 }}",
        "{{ 9223372036854775807 + 1 }}",
        "{{ 99999999999999999999 }}",
        "{{ 10 ** 100 }}",
        "{{ -9223372036854775807 - 2 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}",
        "{{ 'x'.center(1000000000) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%.999999f' % 1 }}",
        "{{ 'a' | indent(1000000000) }}",
        "{{ [[[[1]]]] | tojson(indent=100000000) }}",
        "{{ range(0, 9223372036854775807, 1) }}",
        "{% for x in range(100000) %}{% set ns = namespace() %}{% endfor %}",
    };
    for (const std::string& source : cases) EXPECT_THROW(render(source), Error) << source.substr(0, 80);
    EXPECT_THROW(ChatTemplate(std::string(2 << 20, 'x')), Error);
    EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}"), "0");
}

TEST(ChatTemplate, MacrosOutliveTheBlocksThatMakeThem) {
    EXPECT_EQ(render("{% set ns = namespace(f=none) %}{% for i in [1, 2] %}{% macro m(x) %}{{ i }}{{ x }}{% "
                     "endmacro %}"
                     "{% set ns.f = m %}{% endfor %}{{ ns.f('!') }}"),
              "2!");
    EXPECT_EQ(render("{% set ns = namespace(l=none) %}{% for i in 'ab' %}{% set ns.l = loop %}{% endfor %}{{ "
                     "ns.l.index }}"),
              "3");
}

TEST(ChatTemplate, RefusesWhatIsNoChat) {
    ChatTemplate chat("{{ messages }}");
    EXPECT_THROW(chat.render({{"role", "user"}}, false), Error);
    EXPECT_THROW(chat.render(ordered_json::array({"text"}), false), Error);
    EXPECT_THROW(chat.render(ordered_json::array(), false, 3), Error);
    ordered_json deep;
    for (int i = 0; i < 1000; ++i) deep = ordered_json::array({deep});
    EXPECT_THROW(chat.render(ordered_json::array({{{"content", deep}}}), false), Error);
}

TEST(ChatTemplate, TakesTheTokenizersOwn) {
    Tokenizer tokenizer = Tokenizer::load(golden / "smollm");
    EXPECT_THROW(ChatTemplate::of(tokenizer), Error);
    auto spec = nlohmann::json::parse(tokenizer.tokenizer_json());
    Tokenizer full =
        Tokenizer::from_json(spec, {{"bos_token", "<s>"},
                                    {"eos_token", "</s>"},
                                    {"chat_template", "{{ bos_token }}{{ messages[0].content }}"}});
    ordered_json messages = ordered_json::array({{{"role", "user"}, {"content", "hi"}}});
    EXPECT_EQ(ChatTemplate::of(full).render(messages, true), "<s>hi");
}

}  // namespace
}  // namespace r1
