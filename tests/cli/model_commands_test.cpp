// The commands that take a model, on the golden models.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "cli/program.h"
#include "golden/golden.h"
#include "infer/tiny_tokenizer.h"

namespace r1::test {
namespace {

using nlohmann::json;

const std::string kLlama = (golden::root / "models/llama").string();

std::vector<json> lines_of(const std::string& text) {
    std::vector<json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
    return lines;
}

std::vector<json> answers(const std::vector<std::string>& arguments, const std::string& input) {
    const Result result = run(arguments, input);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    return lines_of(result.out);
}

// A golden model together with a tokenizer, in a folder of its own.
struct ModelCommands : testing::Test {
    fs::path folder = fs::temp_directory_path() / ("r1-model-commands-" + std::to_string(::getpid()));
    std::string model = (folder / "model").string();
    void SetUp() override {
        fs::create_directories(model);
        for (const char* name : {"config.json", "model.safetensors"})
            fs::copy_file(fs::path(kLlama) / name, fs::path(model) / name);
        write_file(fs::path(model) / "tokenizer.json", tiny_tokenizer_json().dump());
        const char* chat =
            "{% for m in messages %}{{ m.role[0] }}{{ m.content }}<|end|>{% endfor %}"
            "{% if add_generation_prompt %}a{% endif %}";
        write_file(fs::path(model) / "tokenizer_config.json",
                   json{{"eos_token", "<|end|>"}, {"chat_template", chat}}.dump());
    }
    void TearDown() override { fs::remove_all(folder); }
    std::vector<json> ask(const std::string& verb, const std::string& input,
                          std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{verb, "--model", model, "--threads", "1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return answers(arguments, input);
    }
};

TEST_F(ModelCommands, LogprobsOfATextAndOfItsIds) {
    const auto lines = ask("logprobs",
                           R"({"text":"the<|end|>x"})"
                           "\n"
                           R"({"ids":[95,68,96,87]})"
                           "\n"
                           R"({"messages":[{"role":"user","content":"a"}]})"
                           "\n",
                           {"--top", "97"});
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].at("ids"), json({95, 68, 96, 87}));
    EXPECT_EQ(lines[0], lines[1]);
    EXPECT_EQ(lines[2].at("ids"), json({84, 64, 96}));
    const json& logprobs = lines[0].at("logprobs");
    ASSERT_EQ(logprobs.size(), 4u);
    EXPECT_TRUE(logprobs[0].is_null());
    EXPECT_TRUE(lines[0].at("top")[0].is_null());
    for (size_t t = 1; t < 4; ++t) {
        const json& top = lines[0].at("top")[t];
        ASSERT_EQ(top.size(), 97u);
        double sum = 0.0;
        for (size_t i = 0; i < top.size(); ++i) {
            sum += std::exp(top[i][1].get<double>());
            EXPECT_LE(top[i][1], top[i > 0 ? i - 1 : 0][1]);
            if (top[i][0] == lines[0].at("ids")[t]) {
                EXPECT_EQ(top[i][1], logprobs[t]);
            }
        }
        EXPECT_NEAR(sum, 1.0, 1e-5);
    }
    EXPECT_EQ(ask("logprobs", R"({"text":"the"})", {"--top", "2"})[0].at("next").size(), 2u);
}

TEST_F(ModelCommands, ALineThatIsWrongIsAnErrorAndTheOthersAreAnswered) {
    const std::string right = R"({"ids":[1,2,3],"max_tokens":3})";
    for (const std::string verb : {"logprobs", "generate"}) {
        for (const std::string wrong :
             {"oops", "{}", R"({"ids":[]})", R"({"ids":[97]})", R"({"ids":[-1]})",
              R"({"text":"","prompt":""})", R"({"text":7,"prompt":7})", R"({"messages":3})",
              R"({"messages":[{"role":"user"}],"tools":3,"chat_template_kwargs":[]})"}) {
            const auto lines = ask(verb, right + "\n" + wrong + "\n" + right + "\n");
            ASSERT_EQ(lines.size(), 3u) << wrong;
            EXPECT_TRUE(lines[1].contains("error")) << verb << ' ' << wrong << ' ' << lines[1];
            EXPECT_EQ(lines[1].size(), 1u);
            EXPECT_FALSE(lines[0].contains("error")) << lines[0];
            EXPECT_EQ(lines[0], lines[2]);
        }
    }
    const json context = golden::read_json(fs::path(kLlama) / "config.json").at("max_position_embeddings");
    const json ids = std::vector<int>(context.get<size_t>() + 1, 1);
    EXPECT_TRUE(ask("logprobs", json{{"ids", ids}}.dump())[0].contains("error"));
    for (const std::string wrong : {R"("temperature":-1)", R"("temperature":"hot")", R"("top_p":1.5)",
                                    R"("n":0)", R"("n":1000000000)", R"("max_tokens":-1)", R"("stop":[1])",
                                    R"("seed":1.5)", R"("min_p":2)", R"("repetition_penalty":0)"}) {
        const json answer = ask("generate", R"({"ids":[1],)" + wrong + "}")[0];
        EXPECT_TRUE(answer.contains("error")) << wrong << ' ' << answer;
    }
}

TEST_F(ModelCommands, WithoutATokenizerIdsAreUnderstood) {
    const auto lines = answers({"logprobs", "--model", kLlama}, "{\"ids\":[1,2]}\n{\"text\":\"a\"}\n");
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].at("logprobs").size(), 2u);
    EXPECT_TRUE(lines[1].contains("error"));
}

TEST_F(ModelCommands, ACompletionDependsOnItsOwnLineAlone) {
    const std::vector<std::string> requests = {
        R"({"prompt":"the","max_tokens":20,"n":3,"seed":7})",
        R"({"ids":[5,6,7,8],"max_tokens":40,"temperature":0.7,"top_p":0.9})",
        R"({"ids":[400]})",
        R"({"prompt":"the","max_tokens":20,"n":1,"seed":7})",
        R"({"prompt":"zz","max_tokens":12,"temperature":0})",
        R"({"messages":[{"role":"user","content":"x"}],"max_tokens":5,"min_p":0.1,"top_k":9})",
        R"({"prompt":"the","max_tokens":0})",
        R"({"prompt":"q","max_tokens":30,"repetition_penalty":1.3})"};
    std::string all;
    for (const auto& request : requests) all += request + "\n";
    const auto together = ask("generate", all), narrow = ask("generate", all, {"--max_sequences", "2"});
    ASSERT_EQ(together.size(), requests.size());
    EXPECT_EQ(together, narrow);
    for (size_t i = 0; i < requests.size(); ++i)
        EXPECT_EQ(together[i], ask("generate", requests[i])[0]) << requests[i];
    EXPECT_EQ(together[0].at("completions").size(), 3u);
    EXPECT_EQ(together[0].at("completions")[0], together[3].at("completions")[0]);
    EXPECT_TRUE(together[2].contains("error"));
    EXPECT_EQ(together[6].at("completions")[0].at("ids"), json::array());
    EXPECT_NE(ask("generate", R"({"prompt":"the","max_tokens":20,"seed":8})")[0], together[3]);
}

TEST_F(ModelCommands, CompletionsHaveTheLogprobsThatTheCommandLogprobsGives) {
    const json request = {{"ids", {9, 8, 7}}, {"max_tokens", 60}, {"n", 2}};
    const json answer = ask("generate", request.dump())[0];
    ASSERT_EQ(answer.at("completions").size(), 2u);
    for (const json& completion : answer.at("completions")) {
        json ids = request.at("ids");
        ids.insert(ids.end(), completion.at("ids").begin(), completion.at("ids").end());
        json logprobs = ask("logprobs", json{{"ids", ids}}.dump())[0].at("logprobs");
        logprobs.erase(logprobs.begin(), logprobs.begin() + 3);
        EXPECT_EQ(completion.at("logprobs"), logprobs);
    }
}

TEST_F(ModelCommands, TheTextEndsBeforeWhatStoppedIt) {
    int stopped = 0;
    for (int seed = 0; seed < 8; ++seed) {
        const json request = {{"prompt", "a"}, {"seed", seed}, {"max_tokens", 200}};
        const json completion = ask("generate", request.dump())[0].at("completions")[0];
        const std::string text = completion.at("text");
        EXPECT_EQ(text.find("<|end|>"), std::string::npos);
        const bool end = completion.at("ids").back() == 96;
        EXPECT_EQ(completion.at("finish_reason"), end ? "stop" : "length");
        stopped += end;
        if (text.size() < 6) continue;
        json cut = request;
        cut["stop"] = text.substr(3, 2);
        const json before = ask("generate", cut.dump())[0].at("completions")[0];
        EXPECT_EQ(before.at("text"), text.substr(0, text.find(text.substr(3, 2))));
        EXPECT_EQ(before.at("finish_reason"), "stop");
    }
    EXPECT_GT(stopped, 0);
}

TEST_F(ModelCommands, GenerateAnswersALineBeforeTheNextIsSent) {
    Conversation generate({"generate", "--model", model, "--threads", "1"});
    const std::string first = generate.ask(R"({"prompt":"a","max_tokens":4})");
    EXPECT_NE(first.find("completions"), std::string::npos);
    EXPECT_EQ(generate.ask(R"({"prompt":"a","max_tokens":4})"), first);
    EXPECT_EQ(generate.finish(), 0);
}

TEST_F(ModelCommands, ConvertedModelsGiveTheSameLogprobs) {
    const std::string input = R"({"text":"the end"})";
    const auto want = ask("logprobs", input);
    const std::string gguf = (folder / "model.gguf").string(), back = (folder / "back").string();
    ASSERT_EQ(run({"convert", "--model", model, "--out", gguf}).err, "");
    ASSERT_EQ(run({"convert", "--model", gguf, "--out", back + "/"}).err, "");
    EXPECT_NE(read_file(folder / "Modelfile").find("FROM ./model.gguf\n"), std::string::npos);
    for (const auto& path : {gguf, back})
        EXPECT_EQ(answers({"logprobs", "--model", path, "--threads", "1"}, input), want) << path;
    const Result again = run({"convert", "--model", model, "--out", back});
    EXPECT_EQ(again.code, 1);
    EXPECT_NE(again.err.find("is there already"), std::string::npos);
    EXPECT_NE(run({"convert", "--model", model, "--out", back + "2", "--type", "q8_0"}).err, "");
}

TEST_F(ModelCommands, ChatAnswersEachLine) {
    const std::vector<std::string> chat = {"chat",      "--model", model,          "--seed", "1",
                                           "--threads", "1",       "--max_tokens", "8"};
    const Result result = run(chat, "hello\n\n/help\n/reset\nhello\r\n");
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
    EXPECT_NE(result.out.find("Ctrl-C"), std::string::npos);
    EXPECT_EQ(result.out, run(chat, "hello\n/help\n/reset\nhello").out);
    const std::string longer(5000, 'x');
    EXPECT_NE(run(chat, longer + "\nhello\n").out.find("/reset begins a new one"), std::string::npos);
}

TEST(Check, RolloutsAndTrainingHaveTheSameBits) {
    const Result result = run({"check", "--model", (golden::root / "models/qwen3").string(), "--json",
                               "--tokens", "200", "--seed", "3"});
    EXPECT_EQ(result.code, 0) << result.out << result.err;
    const auto rows = lines_of(result.out);
    EXPECT_GE(rows.size(), 20u);
    for (const json& row : rows) {
        EXPECT_EQ(row.at("different"), 0) << row;
        EXPECT_EQ(row.at("max_difference"), 0.0) << row;
        EXPECT_GT(row.at("compared"), 0) << row;
    }
}

struct Gradients : testing::Test {
    fs::path out = fs::temp_directory_path() / ("r1-gradients-" + std::to_string(::getpid()));
    void TearDown() override { fs::remove(out), fs::remove(out.string() + ".jsonl"); }
    Result check(const fs::path& batch, const json& settings) {
        std::vector<std::string> arguments{
            "check",     "--model",      (golden::root / "models/llama_tied_bias").string(),
            "--input",   batch.string(), "--gradients",
            out.string()};
        for (const auto& [key, value] : settings.items()) {
            if (!value.is_null())
                arguments.push_back("--" + key + "=" +
                                    (value.is_string() ? value.get<std::string>() : value.dump()));
        }
        return run(arguments);
    }
    Result check_rows(const std::string& rows, const json& settings = json::object()) {
        const fs::path batch = out.string() + ".jsonl";
        write_file(batch, rows);
        return check(batch, settings);
    }
};

TEST_F(Gradients, EqualTrls) {
    const Safetensors want(golden::root / "grpo/gradients.safetensors");
    for (const json& expected : golden::read_json(golden::root / "grpo/gradients.json")) {
        const std::string name = expected.at("name");
        SCOPED_TRACE(name);
        json settings = expected.at("options");
        settings["micro_batch_tokens"] = 64;  // less than the batch has
        const Result result = check(golden::root / "grpo/batch.jsonl", settings);
        ASSERT_EQ(result.code, 0) << result.err;
        EXPECT_NEAR(json::parse(result.out).at("loss"), expected.at("loss"), 2e-5);
        const Safetensors got(out);
        EXPECT_EQ(json::parse(got.metadata().at("loss")), json::parse(result.out).at("loss"));
        for (const auto& tensor : got.names()) {
            EXPECT_LE(golden::relative_distance(golden::read_tensor(got, tensor),
                                                golden::read_tensor(want, name + "." + tensor)),
                      5e-5)
                << tensor;
        }
    }
}

TEST_F(Gradients, ListsMayStandForTheCompletionAlone) {
    const std::string whole =
        R"({"ids":[1,2,3,4,5],"completion_mask":[0,0,1,0,1],"advantages":1.5,"old_logprobs":[null,-4,-4.5,-3,-5],"ref_logprobs":[0,0,-4,0,-4.1]})";
    const std::string want = check_rows(whole, {{"beta", 0.1}}).out;
    const std::string bytes = read_file(out);
    for (
        const std::string same :
        {R"({"ids":[1,2,3,4,5],"completion_mask":[1,0,1],"advantages":[1.5],"old_logprobs":[-4.5,-3,-5],"ref_logprobs":[-4,0,-4.1]})",
         R"({"ids":[1,2,3,4,5],"completion_mask":[false,true,false,true],"advantages":[0,1.5,9,1.5],"old_logprobs":[-4.5,-5],"ref_logprobs":[-4,null,-4.1]})"}) {
        const Result result = check_rows(same, {{"beta", 0.1}});
        EXPECT_EQ(result.out, want) << result.err;
        EXPECT_EQ(read_file(out), bytes);
    }
}

TEST_F(Gradients, AWrongRowIsNamed) {
    for (const std::string wrong :
         {"oops", "[1]", R"({"ids":[1]})", R"({"ids":[1,97],"advantages":1})", R"({"ids":[1,2]})",
          R"({"ids":[1,2],"advantages":"high"})", R"({"ids":[1,2,3],"advantages":[1,2]})",
          R"({"ids":[1,2],"advantages":1,"completion_mask":[1,1]})",
          R"({"ids":[1,2],"advantages":1,"completion_mask":[0,2]})",
          R"({"ids":[1,2],"advantages":1,"completion_mask":[0,1,1]})",
          R"({"ids":[1,2,3],"advantages":1,"old_logprobs":[-1]})",
          R"({"ids":[1,2,3],"advantages":1,"old_logprobs":[0,null,-1]})",
          R"({"ids":[1,2,3],"advantages":1,"old_logprobs":[0,"a",-1]})"}) {
        const Result result = check_rows(R"({"ids":[1,2],"advantages":1})"
                                         "\n" +
                                         wrong + "\n");
        EXPECT_EQ(result.code, 1) << wrong << result.out;
        EXPECT_NE(result.err.find(".jsonl:2"), std::string::npos) << wrong << ' ' << result.err;
    }
    EXPECT_NE(check_rows(R"({"ids":[1,2],"advantages":1})", {{"beta", 0.1}}).err.find("ref_logprobs"),
              std::string::npos);
    EXPECT_NE(check_rows("").err, "");
    EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace r1::test
