#include "report/html.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "report/run_data.h"
#include "report/run_info.h"

namespace r1 {
namespace {

using nlohmann::json;

fs::path fresh_run(const char* name) {
    const fs::path folder = fs::path(testing::TempDir()) / name;
    fs::remove_all(folder);
    fs::create_directories(folder / "samples");
    return folder;
}

std::string sample_line(int step, int prompt, int index, const std::string& token, size_t count) {
    const std::vector<std::string> tokens(count, token);
    return json{{"step", step},
                {"prompt_index", prompt},
                {"sample", index},
                {"prompt", "p"},
                {"completion", "c"},
                {"ids", std::vector<int>(count, 7)},
                {"tokens", tokens},
                {"logprobs", std::vector<double>(count, -0.123456789)},
                {"advantage", 0.5},
                {"reward", 1.0},
                {"rewards", {{"accuracy", 1.0}}},
                {"outcome", "correct"},
                {"finish_reason", "stop"}}
               .dump() +
           "\n";
}

// What stands between the tags of the data in the page.
json data_of(const std::string& page) {
    const std::string open = "id=\"run\">";
    const size_t begin = page.find(open) + open.size();
    return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(Html, Escaping) {
    EXPECT_EQ(html_escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    EXPECT_EQ(script_json({{"a", "</script><!-- & \xff"}}),
              "{\"a\":\"\\u003c/script\\u003e\\u003c!-- \\u0026 \uFFFD\"}");
}

TEST(Html, HostileTextStaysData) {
    const fs::path run = fresh_run("r1_report_<b>&");
    const std::string evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
    write_file(run / "metrics.jsonl", json{{"step", 1}, {"reward", 0.5}, {evil, 1}}.dump() + "\n");
    write_file(run / "config.toml", evil);
    write_file(run / "samples/step-1.jsonl", sample_line(1, 0, 0, evil, 3));
    RunInfo info;
    info.command = evil;
    Summary summary;
    summary.problem = summary.disclosure = summary.before.text = evil;
    write_file(run / "summary.json", summary_json(info, summary).dump());
    write_report(run);
    const std::string page = read_file(run / "report.html");
    EXPECT_EQ(page.find("alert(1)</"), std::string::npos);
    EXPECT_EQ(page.find("<img"), std::string::npos);
    EXPECT_NE(page.find("<title>r1_report_&lt;b&gt;&amp; · r1</title>"), std::string::npos);
    const json data = data_of(page);
    EXPECT_EQ(data["config"], evil);
    EXPECT_EQ(data["samples"][0]["tokens"][2], evil);
    EXPECT_EQ(data["summary"]["example"]["before"]["text"], evil);
}

TEST(Html, LoadsNothingFromTheNetwork) {
    const fs::path run = fresh_run("r1_report_offline");
    write_file(run / "metrics.jsonl", "{\"step\":0}\n");
    write_report(run / "");
    std::string page = read_file(run / "report.html");
    const std::string name_space = "http://www.w3.org/2000/svg";
    page.erase(page.find(name_space), name_space.size());
    for (const char* text : {"http:", "https:", "src=", "url(", "@import", "fetch("}) {
        EXPECT_EQ(page.find(text), std::string::npos) << text;
    }
    EXPECT_EQ(data_of(page)["title"], "r1_report_offline");
}

TEST(Html, MissingAndNotFiniteValuesAreGaps) {
    const fs::path run = fresh_run("r1_report_nan");
    write_file(run / "metrics.jsonl",
               "{\"step\":1,\"kl\":0.1234567891,\"name\":\"x\"}\n"
               "{\"step\":2,\"kl\":null}\n\n"
               "{\"step\":3,\"kl\":NaN}\n"
               "{\"step\":null,\"kl\":7}\n"
               "{\"step\":4}\n"
               "{\"step\":5,\"kl\":1e999}\n"
               "{\"step\":6,\"kl\":" +
                   std::string(5000, '[') +
                   "\n"
                   "{\"step\":7,\"kl\":0.5,\"rewa");
    const json data = read_run(run);
    EXPECT_EQ(data["series"]["kl"], json::parse("[[1,0.123457],[2,null]]"));
    EXPECT_FALSE(data["series"].contains("name"));
    EXPECT_EQ(data["unread"], 4);
    EXPECT_FALSE(data.contains("summary"));
}

TEST(Html, ANestedSummaryIsRefused) {
    const fs::path run = fresh_run("r1_report_deep");
    write_file(run / "metrics.jsonl", "");
    write_file(run / "summary.json", "{\"model\":" + std::string(50000, '[') + std::string(50000, ']') + "}");
    EXPECT_EQ(read_run(run)["summary"], json());
    EXPECT_EQ(read_run(run)["unread"], 1);
}

TEST(Html, SamplesAreTakenEvenlyAndThePageStaysSmall) {
    const fs::path run = fresh_run("r1_report_large");
    std::string metrics;
    for (int step = 0; step < 5000; ++step)
        metrics += json{{"step", step}, {"reward", 0.5 + step}}.dump() + "\n";
    write_file(run / "metrics.jsonl", metrics);
    for (int step = 1; step <= 20; ++step) {
        std::string rows;
        for (int i = 0; i < 30; ++i) rows += sample_line(step, i / 8, i % 8, "token", 600);
        write_file(run / cat("samples/step-", step, ".jsonl"), rows);
    }
    write_report(run);
    EXPECT_LT(fs::file_size(run / "report.html"), 5'000'000u);
    const json data = read_run(run);
    EXPECT_EQ(data["samples"].front()["step"], 1);
    EXPECT_EQ(data["samples"].back()["step"], 20);
    EXPECT_GT(data["samples"].size(), 100u);
    EXPECT_LE(data["samples"].size(), 400u);
    const json& points = data["series"]["reward"];
    EXPECT_LE(points.size(), 1500u);
    EXPECT_EQ(points.front()[0], 0);
    EXPECT_EQ(points.back()[0], 4999);
}

TEST(Html, OddSampleRows) {
    const fs::path run = fresh_run("r1_report_odd");
    write_file(run / "metrics.jsonl", "{\"step\":0}\n");
    write_file(run / "samples/step-3.jsonl",
               "{}\n{\"tokens\":[\"a\",7],\"logprobs\":[-1],\"ids\":[1,2],\"rewards\":[]}\n"
               "{\"tokens\":\"x\",\"completion\":\"text\",\"reward\":null,\"advantage\":\"high\",\"prompt\":["
               "{\"role\":\"user\"}]}\n"
               "7\n");
    write_file(run / "samples/step-x.jsonl", "{}");
    write_file(run / "samples/step-99999999999999999999.jsonl", "{}");
    const json data = read_run(run);
    ASSERT_EQ(data["samples"].size(), 3u);
    EXPECT_EQ(data["samples"][1]["tokens"], json({"a", "\uFFFD"}));
    EXPECT_FALSE(data["samples"][1].contains("logprobs"));  // not one for each token
    EXPECT_EQ(data["samples"][2]["completion"], "text");
    EXPECT_EQ(data["samples"][2]["advantage"], json());
    EXPECT_EQ(data["samples"][2]["prompt"], "[{\"role\":\"user\"}]");
    EXPECT_EQ(data["unread"], 1);
}

TEST(Html, BeforeAndAfterPairTheFirstAndTheLastEvaluation) {
    const fs::path run = fresh_run("r1_report_pairs");
    write_file(run / "metrics.jsonl", "{\"step\":0}\n");
    const auto row = [](int step, const char* problem, const char* text, double score) {
        return json{{"step", step}, {"problem", problem}, {"prompt", "q"},
                    {"gold", "4"},  {"completion", text}, {"score", score}}
                   .dump() +
               "\n";
    };
    write_file(run / "samples/eval-0.jsonl", row(0, "a", "5", 0) + row(0, "a", "6", 0) + row(0, "b", "7", 0));
    write_file(run / "samples/eval-5.jsonl", row(5, "a", "middle", 0));
    write_file(run / "samples/eval-10.jsonl", row(10, "a", "4", 1));
    const json evaluations = read_run(run)["evaluations"];
    EXPECT_EQ(evaluations["first"], 0);
    EXPECT_EQ(evaluations["last"], 10);
    ASSERT_EQ(evaluations["problems"].size(), 1u);
    EXPECT_EQ(evaluations["problems"][0]["before"]["completion"], "5");
    EXPECT_EQ(evaluations["problems"][0]["after"]["completion"], "4");
}

TEST(Html, AFolderThatIsNoRunIsOneClearError) {
    const fs::path run = fresh_run("r1_report_none");
    try {
        write_report(run);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("metrics.jsonl"), std::string::npos) << error.what();
    }
    EXPECT_FALSE(fs::exists(run / "report.html"));
}

}  // namespace
}  // namespace r1
