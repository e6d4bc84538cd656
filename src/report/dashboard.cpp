#include "report/dashboard.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "core/check.h"
#include "core/clock.h"
#include "report/curves.h"
#include "report/terminal_text.h"

namespace r1 {
namespace {

using nlohmann::json;

struct Metric {
    const char* key;
    const char* label;  // in the live block
    const char* plain;  // before the value in a plain line
    std::string (*format)(double);
};
constexpr const char* accuracy_key = "eval/accuracy";
constexpr const char* length_key = "completions/mean_length";
// In the order in which they are shown.
constexpr std::array<Metric, 9> all_metrics = {{
    {"reward", "reward", "reward", format_number},
    {accuracy_key, "accuracy", "held-out accuracy", format_percent},
    {length_key, "length", "length", format_number},
    {"reasoning/tries_per_completion", "tries", "tries", format_number},
    {"reasoning/checks_per_completion", "checks", "checks", format_number},
    {"reasoning/backtracks_per_completion", "backtracks", "backtracks", format_number},
    {"entropy", "entropy", "entropy", format_number},
    {"kl", "kl", "kl", format_number},
    {"perf/rollout_tokens_per_s", "tokens/s", "tokens/s", format_number},
}};

std::optional<double> number(const json& metrics, const char* key) {
    const auto it = metrics.find(key);
    if (it == metrics.end() || !it->is_number()) return {};
    const double value = it->get<double>();
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool has_environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value;
}

TerminalSize size_of_output() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
    return {size.ws_col, size.ws_row == 0 ? 24 : size.ws_row};
}

}  // namespace

DashboardOptions terminal_options(bool json_lines) {
    DashboardOptions options;
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    const char* kind = std::getenv("TERM");
    const bool redrawable = terminal && kind && std::string_view(kind) != "dumb";
    options.display = json_lines ? Display::json : redrawable ? Display::live : Display::plain;
    options.color = redrawable && !json_lines && !has_environment("NO_COLOR");
    options.size = size_of_output;
    options.seconds = seconds_now;
    return options;
}

struct Dashboard::Impl {
    struct Series {
        std::vector<Point> points;  // step, value
        std::vector<double> values;
    };

    std::ostream& out;
    DashboardOptions options;
    RunInfo info;
    std::map<std::string, Series> series;
    std::optional<int64_t> last_step;
    double started = 0;
    std::deque<std::pair<double, int64_t>> pace;  // when the last steps ended
    std::string status;
    double status_drawn = -1;
    std::vector<int> drawn;  // widths of the block's lines on the screen

    Impl(std::ostream& stream, DashboardOptions settings) : out(stream), options(std::move(settings)) {
        if (!options.size) options.size = [] { return TerminalSize{}; };
        if (!options.seconds) options.seconds = [] { return 0.0; };
    }

    bool live() const { return options.display == Display::live; }
    // One column is left free: a full last column makes some terminals wrap.
    int columns() const { return std::clamp(options.size().columns - 1, 10, 110); }
    Line line() const { return Line(columns(), options.color && live()); }

    const Series* find(const char* key) const {
        const auto it = series.find(key);
        return it == series.end() ? nullptr : &it->second;
    }

    void record(const json& metrics) {
        const auto step = number(metrics, "step");
        if (!step) return;
        for (const Metric& metric : all_metrics) {
            if (const auto value = number(metrics, metric.key)) {
                series[metric.key].points.push_back({*step, *value});
                series[metric.key].values.push_back(*value);
            }
        }
        last_step = static_cast<int64_t>(std::clamp(*step, 0.0, 1e15));
    }

    void record_pace() {
        if (!pace.empty() && pace.back().second == *last_step) {
            pace.back().first = options.seconds();
        } else {
            pace.emplace_back(options.seconds(), *last_step);
        }
        if (pace.size() > 9) pace.pop_front();
    }

    // From the pace of the last steps: later steps of a run are longer than its first ones.
    std::optional<double> seconds_left() const {
        if (info.steps <= 0 || pace.size() < 2) return {};
        const auto steps = static_cast<double>(pace.back().second - pace.front().second);
        if (steps <= 0) return {};
        const double left = static_cast<double>(std::max<int64_t>(0, info.steps - pace.back().second));
        const double idle = options.seconds() - pace.back().first;
        return std::max(0.0, (pace.back().first - pace.front().first) / steps * left - idle);
    }

    std::string step_text() const {
        std::string text = last_step ? std::to_string(*last_step) : "0";
        if (info.steps > 0) {
            const std::string total = std::to_string(info.steps);
            text.insert(0, total.size() > text.size() ? total.size() - text.size() : 0, ' ');
            text += "/" + total;
        }
        return text;
    }

    void print_header() const;
    void print_plain(const json& metrics) const;

    std::vector<Line> block() const;
    void add_charts(std::vector<Line>& lines) const;
    void add_figures(std::vector<Line>& lines, bool charts_shown, int room) const;
    Line progress() const;
    std::string erase() const;
    void redraw(const std::string& above = "");
};

void Dashboard::Impl::print_header() const {
    std::string model = printable(info.model);
    if (info.parameters > 0)
        model += cat(model.empty() ? "" : ", ", format_count(info.parameters), " parameters");
    std::string machine = printable(info.device);
    if (info.threads > 0) machine += cat(", ", info.threads, info.threads == 1 ? " thread" : " threads");
    if (!info.isa.empty()) machine += ", " + printable(info.isa);
    if (live()) out << '\n';
    out << line().add(live() ? "  " : "").add(printable(info.command), Style::bold).str() << '\n';
    const auto row = [&](std::string_view label, const std::string& value) {
        if (value.empty()) return;
        const int margin = live() ? 2 : 0;
        if (live()) {
            out << line().to(margin).add(label, Style::dim).to(margin + 9).add(value).str() << '\n';
        } else {
            out << label << std::string(9 - label.size(), ' ') << value << '\n';
        }
    };
    row("model", model);
    row("task", printable(info.task));
    row("machine", machine);
    row("run", printable(info.folder.string()));
}

// "step  7/60  reward 0.612  held-out accuracy 71.4 %  …  2.1 s  1:12 left"
void Dashboard::Impl::print_plain(const json& metrics) const {
    std::string text = "step " + step_text();
    for (const Metric& metric : all_metrics) {
        if (const auto value = number(metrics, metric.key))
            text += cat("  ", metric.plain, ' ', metric.format(*value));
    }
    if (!number(metrics, length_key)) {
        if (const auto length = number(metrics, "eval/length"))
            text += "  held-out length " + format_number(*length);
    }
    if (const auto time = number(metrics, "step_time")) text += cat("  ", format_number(*time), " s");
    if (const auto left = seconds_left(); left && *last_step < info.steps)
        text += cat("  ", format_duration(*left), " left");
    out << text << '\n' << std::flush;
}

// Curves of what matters most, side by side: held-out accuracy and response length over the whole run.
void Dashboard::Impl::add_charts(std::vector<Line>& lines) const {
    constexpr int label = 7, gap = 4;
    const int rows = options.size().rows >= 32 ? 9 : 6;
    struct Chart {
        const char *key, *title;
        Style style;
    };
    constexpr std::array<Chart, 2> charts = {
        {{accuracy_key, "held-out accuracy", Style::good}, {length_key, "response length", Style::accent}}};
    const int width = (columns() - 2 - gap) / 2, cells = width - label - 1;
    Line titles = line();
    std::array<std::vector<std::string>, 2> curves;
    std::array<std::string, 2> tops;
    for (size_t i = 0; i < charts.size(); ++i) {
        const Chart& chart = charts[i];
        const bool percent = i == 0;
        const Series* data = find(chart.key);
        std::span<const Point> points;
        if (data) points = data->points;
        double top = percent ? 1 : 0, last = 0;
        for (const Point& point : points) {
            if (!percent) top = std::max(top, point.y);
            last = std::max(last, point.x);
        }
        top = axis_top(top);
        const double x_max = info.steps > 0 ? static_cast<double>(info.steps) : std::max(last, 1.0);
        curves[i] = braille_curve(points, x_max, top, cells, rows);
        tops[i] = percent ? "100 %" : format_number(top);
        const auto text = [&](double value) {
            return percent ? format_percent(value) : format_number(value);
        };
        titles.to(2 + static_cast<int>(i) * (width + gap)).add(chart.title, Style::dim);
        titles.add("  ");
        if (points.size() > 1) titles.add(text(points.front().y) + " → ", Style::dim);
        if (!points.empty()) titles.add(text(points.back().y), Style::bold);
    }
    lines.push_back(titles);
    for (int row = 0; row < rows; ++row) {
        Line text = line();
        for (size_t i = 0; i < charts.size(); ++i) {
            const auto& at = tops[i];
            text.to(2 + static_cast<int>(i) * (width + gap));
            text.right(row == 0 ? at : row == rows - 1 ? "0" : "", label - 1, Style::dim);
            text.add(row == 0 || row == rows - 1 ? " ┤" : " │", Style::dim);
            text.add(curves[i][static_cast<size_t>(row)], charts[i].style);
        }
        lines.push_back(text);
    }
}

// Every other metric that has come so far: name, last value, curve. In two columns where they fit.
void Dashboard::Impl::add_figures(std::vector<Line>& lines, bool charts_shown, int room) const {
    constexpr int label = 11, value = 8, gap = 4;
    std::vector<const Metric*> shown;
    for (const Metric& metric : all_metrics) {
        const bool in_chart =
            std::string_view(metric.key) == accuracy_key || std::string_view(metric.key) == length_key;
        if (find(metric.key) && !(charts_shown && in_chart)) shown.push_back(&metric);
    }
    const int across = columns() >= 66 ? 2 : 1;
    const int width = (columns() - 2 - gap * (across - 1)) / across;
    const size_t rows =
        std::min((shown.size() + static_cast<size_t>(across) - 1) / static_cast<size_t>(across),
                 static_cast<size_t>(std::max(room, 0)));
    for (size_t row = 0; row < rows; ++row) {
        Line text = line();
        for (size_t column = 0; column < static_cast<size_t>(across); ++column) {
            const size_t index = column * rows + row;
            if (index >= shown.size()) continue;
            const Series& data = *find(shown[index]->key);
            text.to(2 + static_cast<int>(column) * (width + gap)).add(shown[index]->label, Style::dim);
            text.to(2 + static_cast<int>(column) * (width + gap) + label);
            text.right(shown[index]->format(data.values.back()), value).add("  ");
            text.add(sparkline(data.values, width - label - value - 2), Style::accent);
        }
        lines.push_back(text);
    }
}

Line Dashboard::Impl::progress() const {
    std::string right;
    if (!pace.empty()) right = format_duration(options.seconds() - started);
    if (const auto left = seconds_left(); left && *last_step < info.steps)
        right += cat(" · ", format_duration(*left), " left");
    Line text = line();
    text.to(2).add("step ", Style::dim).add(step_text(), Style::bold).add("  ");
    const int cells = columns() - text.width() - (right.empty() ? 0 : display_width(right) + 2);
    if (info.steps > 0 && cells >= 4) {
        const double share = std::clamp(
            static_cast<double>(last_step.value_or(0)) / static_cast<double>(info.steps), 0.0, 1.0);
        const int done = static_cast<int>(std::floor(share * cells));
        std::string bar, rest;
        for (int i = 0; i < cells; ++i) (i < done ? bar : rest) += i < done ? "━" : "╌";
        text.add(bar, Style::good).add(rest, Style::dim).add("  ");
    }
    text.add(right, Style::dim);
    return text;
}

std::vector<Line> Dashboard::Impl::block() const {
    const int rows = std::max(options.size().rows - 1, 1);  // the cursor's row stays free
    const bool charts = columns() >= 66 && rows >= 16 && (find(accuracy_key) || find(length_key));
    std::vector<Line> lines;
    if (rows >= 6) lines.push_back(line());
    if (charts) {
        add_charts(lines);
        lines.push_back(line());
    }
    add_figures(lines, charts, rows - static_cast<int>(lines.size()) - 3);
    if (rows >= 6 && !series.empty()) lines.push_back(line());
    lines.push_back(progress());
    if (rows >= 2 && !status.empty()) lines.push_back(line().to(2).add(status, Style::dim));
    return lines;
}

// Back to the block's first row, clearing what follows. After a resize to fewer columns the terminal has
// broken the block's lines into more rows.
std::string Dashboard::Impl::erase() const {
    if (drawn.empty()) return "\r";
    const TerminalSize size = options.size();
    int up = 0;
    for (const int width : drawn) up += std::max(1, (width + size.columns - 1) / std::max(size.columns, 1));
    return cat("\r\x1b[", std::min(up, std::max(size.rows - 1, 1)), "A\x1b[J");
}

// One write: `above` scrolls away, the block follows it. Lines are overwritten, not cleared first: nothing
// flickers.
void Dashboard::Impl::redraw(const std::string& above) {
    const std::vector<Line> lines = block();
    const TerminalSize size = options.size();
    const bool in_place = above.empty() && std::all_of(drawn.begin(), drawn.end(),
                                                       [&](int width) { return width < size.columns; });
    std::string text;
    if (in_place && !drawn.empty()) {
        text = cat("\r\x1b[", std::min(static_cast<int>(drawn.size()), std::max(size.rows - 1, 1)), "A");
    } else {
        text = erase() + above;
    }
    drawn.clear();
    for (const Line& one : lines) {
        text += one.str() + "\x1b[K\n";
        drawn.push_back(one.width());
    }
    text += "\x1b[J";
    out << text << std::flush;
}

Dashboard::Dashboard(std::ostream& out, DashboardOptions options)
    : impl_(std::make_unique<Impl>(out, std::move(options))) {}

Dashboard::~Dashboard() = default;

void Dashboard::start(const RunInfo& info, const std::vector<json>& history) {
    impl_->info = info;
    impl_->started = impl_->options.seconds();
    for (const json& metrics : history) impl_->record(metrics);
    if (impl_->options.display == Display::json) return;
    impl_->print_header();
    if (impl_->live()) {
        impl_->redraw();
    } else {
        impl_->out << std::flush;
    }
}

void Dashboard::step(const json& metrics) {
    if (impl_->options.display == Display::json) {
        impl_->out << metrics.dump(-1, ' ', false, json::error_handler_t::replace) << '\n' << std::flush;
        return;
    }
    impl_->record(metrics);
    if (!number(metrics, "step")) return;
    impl_->record_pace();
    if (impl_->live()) {
        impl_->redraw();
    } else {
        impl_->print_plain(metrics);
    }
}

void Dashboard::status(std::string_view text) {
    if (!impl_->live()) return;
    impl_->status = printable(text);
    const double now = impl_->options.seconds();
    if (now - impl_->status_drawn < 0.1 && !text.empty()) return;
    impl_->status_drawn = now;
    impl_->redraw();
}

void Dashboard::note(std::string_view text) {
    if (impl_->options.display == Display::json) return;
    const std::string shown = printable(text);
    if (!impl_->live()) {
        impl_->out << shown << '\n' << std::flush;
        return;
    }
    std::string above;
    for (const std::string& row : wrap(shown, impl_->columns() - 2)) above += "  " + row + '\n';
    impl_->redraw(above);
}

void Dashboard::finish(const Summary& summary) {
    if (impl_->options.display == Display::json) return;
    if (impl_->live()) {
        impl_->status.clear();
        impl_->redraw();
        impl_->drawn.clear();
    }
    print_summary(impl_->out, summary, impl_->columns(), impl_->options.color && impl_->live());
}

}  // namespace r1
