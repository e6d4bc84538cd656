// A user's own verifier: any program that reads JSON lines and answers each with one, in the sandbox.
//
//   {"prompt", "completion", "gold", "kind", "family", "source", "tokens"}  ->  {"score": 0.5, "reason": "…"}
//
// "outcome" (correct, wrong, unparsed) may be given as well; without it a score of 1 or more is correct. The
// program is started once and serves many lines; where several threads verify there are several of it.
#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "reward/verdict.h"
#include "sandbox/process.h"

namespace r1 {

struct ScoringRequest;

struct ProgramSpec {
    std::vector<std::string> command;              // files among the arguments are handed over
    std::vector<std::filesystem::path> read_only;  // folders that it may read
    double budget_seconds = 10.0;                  // of one answer
    size_t memory_bytes = size_t{2} << 30;
};

class ProgramVerifier {
  public:
    // Starts the program once. Throws Error if that fails.
    explicit ProgramVerifier(const ProgramSpec& spec);

    // From any thread. No answer in time is Outcome::timeout and one that is no verdict Outcome::error; the
    // program is then started afresh for the next request.
    Verdict verify(const ScoringRequest& request);

  private:
    std::unique_ptr<sandbox::Process> take();

    sandbox::ProcessSpec spec_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<sandbox::Process>> idle_;
};

}  // namespace r1
