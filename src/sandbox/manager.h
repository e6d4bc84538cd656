// A warm manager: a boxed Python interpreter that makes a box for each job (scripts_manager.cpp).
#pragma once
#include <sys/types.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/cgroup.h"
#include "sandbox/descriptor.h"

namespace r1::sandbox {

class Manager {
  public:
    ~Manager();  // kills its box
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // Gives a job to an idle manager, or to a new one. Throws Error where there is no sandbox or no Python.
    static std::unique_ptr<Manager> start(const nlohmann::json& request, const Limits& limits,
                                          const std::vector<std::pair<std::string, int>>& descriptors);
    static void give_back(std::unique_ptr<Manager> manager);  // its job is over
    static void stop_idle();

    int socket() const { return socket_.get(); }  // readable when the job is over
    pid_t first_process() const {
        return first_process_;
    }  // the manager itself; its descendants are the job's
    void kill_job();
    bool ran_out_of_memory() const;          // the kernel has killed a process of the job for it
    std::optional<nlohmann::json> answer();  // nothing if the manager is damaged

  private:
    Manager();
    bool send(const nlohmann::json& request, const std::vector<std::pair<std::string, int>>& descriptors);
    pid_t box_ = -1, first_process_ = -1;
    Descriptor socket_;
    int jobs_ = 0;
    std::optional<Cgroup> group_;  // outlives the box: it is removed when the box is dead
    size_t kills_before_ = 0;
};

}  // namespace r1::sandbox
