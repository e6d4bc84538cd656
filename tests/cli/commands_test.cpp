// What every command has in common: help, errors, exit codes, completion.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "core/files.h"

namespace r1::test {
namespace {

// The commands that `r1 help` lists.
std::vector<std::string> commands() {
    std::istringstream lines(run({"help"}).out);
    std::vector<std::string> names;
    bool listed = false;
    for (std::string line; std::getline(lines, line);) {
        if (line == "Commands") {
            listed = true;
        } else if (line.empty()) {
            listed = false;
        } else if (listed && line[2] != ' ') {
            names.push_back(line.substr(2, line.find(' ', 2) - 2));
        }
    }
    return names;
}

int shell(const std::string& command) {
    return std::system(command.c_str());
}
bool installed(const std::string& program) {
    return shell("command -v " + program + " >/dev/null 2>&1") == 0;
}

struct TemporaryFile {
    fs::path path = fs::temp_directory_path() / ("r1-cli-test-" + std::to_string(::getpid()));
    explicit TemporaryFile(const std::string& text) { write_file(path, text); }
    ~TemporaryFile() { fs::remove(path); }
};

TEST(Commands, Version) {
    for (const char* flag : {"--version", "-V"}) {
        const Result result = run({flag});
        EXPECT_EQ(result.code, 0);
        EXPECT_TRUE(result.out.starts_with("r1 ")) << result.out;
        EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1);
    }
}

TEST(Commands, HelpInEverySpelling) {
    const std::string help = run({}).out;
    EXPECT_NE(help.find("Commands\n"), std::string::npos);
    for (const char* word : {"help", "--help", "-h"}) EXPECT_EQ(run({word}).out, help);
    EXPECT_EQ(run({"rl", "--help"}).out, run({"zero", "--help"}).out);
    const std::vector<std::string> names = commands();
    ASSERT_GE(names.size(), 3u);
    for (const auto& name : names) {
        const Result result = run({"help", name});
        EXPECT_EQ(result.code, 0);
        EXPECT_TRUE(result.out.starts_with("r1 " + name + ": ")) << result.out;
        EXPECT_EQ(run({name, "--help"}).out, result.out);
        EXPECT_EQ(run({name, "-h"}).out, result.out);
    }
}

TEST(Commands, MistakesAreOneLineAndExitCodeTwo) {
    const auto error = [](const std::vector<std::string>& arguments) {
        const Result result = run(arguments);
        EXPECT_EQ(result.code, 2) << result.err;
        EXPECT_EQ(result.out, "");
        return result.err;
    };
    EXPECT_EQ(error({"docotr"}), "r1: unknown command 'docotr'; did you mean 'doctor'?\n");
    EXPECT_EQ(error({"xyzzyplugh"}), "r1: unknown command 'xyzzyplugh'; r1 help lists them\n");
    EXPECT_EQ(error({"help", "docotr"}), "r1: unknown command 'docotr'; did you mean 'doctor'?\n");
    EXPECT_EQ(error({"doctor", "--threds", "2"}), "r1: unknown flag '--threds'; did you mean '--threads'?\n");
    EXPECT_EQ(error({"doctor", "--threads", "-3"}),
              "r1: --threads is -3, but must be at least 0 and at most 1024\n");
    EXPECT_EQ(error({"doctor", "--threads"}), "r1: --threads needs a value: --threads N\n");
    EXPECT_EQ(error({"doctor", "now"}), "r1: unexpected argument 'now'\n");
    EXPECT_EQ(error({"completion"}), "r1: missing SHELL\n");
    EXPECT_EQ(error({"completion", "fishh"}),
              "r1: shell is 'fishh', but must be one of bash, zsh, fish; did you mean 'fish'?\n");
    EXPECT_EQ(error({"do\nctor"}), "r1: unknown command 'do ctor'; did you mean 'doctor'?\n");
}

TEST(Commands, AFullDiskIsAnErrorAndAGoneReaderIsQuiet) {
    const Result full = run({"help"}, "", "/dev/full");
    EXPECT_EQ(full.code, 1);
    EXPECT_EQ(full.err, "r1: cannot write to standard output: No space left on device\n");
    const Result gone = run_without_reader({"help"});
    EXPECT_EQ(gone.code, 128 + SIGPIPE);
    EXPECT_EQ(gone.err, "");
}

TEST(Commands, DoctorMeasures) {
    const Result result = run({"doctor", "--json", "--threads", "1"});
    ASSERT_EQ(result.code, 0) << result.err;
    const nlohmann::json doctor = nlohmann::json::parse(result.out);
    EXPECT_EQ(doctor.at("threads"), 1);
    EXPECT_GT(doctor.at("gflops").get<double>(), 0.0);
    EXPECT_GT(doctor.at("gbytes_per_s").get<double>(), 0.0);
    EXPECT_GT(doctor.at("memory_gib").get<double>(), 0.0);
    EXPECT_NE(doctor.at("instruction_sets").get<std::string>().find("portable"), std::string::npos);
    EXPECT_EQ(doctor.at("backends").at(0), "cpu");
}

TEST(Completion, BashOffersCommandsFlagsAndValues) {
    const TemporaryFile script(run({"completion", "bash"}).out);
    const auto offers = [&](const std::string& words, int at) {
        const std::string out = script.path.string() + ".out";
        EXPECT_EQ(shell("bash -c '. " + script.path.string() + "; COMP_WORDS=(" + words + "); COMP_CWORD=" +
                        std::to_string(at) + "; _r1; printf \"%s \" \"${COMPREPLY[@]}\"' >" + out + " 2>&1"),
                  0);
        const std::string text = read_file(out);
        fs::remove(out);
        return text;
    };
    EXPECT_EQ(offers("r1 doc", 1), "doctor ");
    EXPECT_EQ(offers("r1 doctor --th", 2), "--threads ");
    EXPECT_EQ(offers("r1 completion f", 2), "fish ");
    EXPECT_EQ(offers("r1 help doc", 2), "doctor ");
}

TEST(Completion, ScriptsNameEveryCommandAndParse) {
    for (const std::string name : {"bash", "zsh", "fish"}) {
        const Result result = run({"completion", name});
        ASSERT_EQ(result.code, 0);
        for (const auto& command : commands())
            EXPECT_NE(result.out.find(command), std::string::npos) << name << ' ' << command;
        if (!installed(name)) continue;
        const TemporaryFile script(result.out);
        EXPECT_EQ(shell(name + " -n " + script.path.string()), 0) << name;
    }
}

}  // namespace
}  // namespace r1::test
