#include "report/curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace r1 {
namespace {

constexpr std::array<const char*, 8> bars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

// UTF-8 of U+2800 + dots.
std::string braille(unsigned dots) {
    const unsigned code = 0x2800 + dots;
    return {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
            static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace

std::string sparkline(std::span<const double> values, int cells) {
    const size_t count = std::min(values.size(), static_cast<size_t>(std::max(cells, 0)));
    std::vector<double> means(count, std::numeric_limits<double>::quiet_NaN());
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (size_t i = 0; i < count; ++i) {
        double sum = 0;
        int finite = 0;
        for (size_t j = i * values.size() / count; j < (i + 1) * values.size() / count; ++j) {
            if (!std::isfinite(values[j])) continue;
            sum += values[j];
            ++finite;
        }
        if (finite == 0) continue;
        means[i] = sum / finite;
        low = std::min(low, means[i]);
        high = std::max(high, means[i]);
    }
    std::string out;
    for (const double mean : means) {
        if (!std::isfinite(mean)) {
            out += ' ';
            continue;
        }
        const double share = high > low ? (mean - low) / (high - low) : 0;
        out += bars[static_cast<size_t>(std::clamp(std::lround(share * 7), 0L, 7L))];
    }
    return out;
}

std::vector<std::string> braille_curve(std::span<const Point> points, double x_max, double y_max, int cells,
                                       int rows) {
    cells = std::max(cells, 1);
    rows = std::max(rows, 1);
    const int width = cells * 2, height = rows * 4;
    std::vector<unsigned> dots(static_cast<size_t>(cells * rows));
    const auto set = [&](int x, int y) {  // y counts from the bottom
        static constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
        const int from_top = height - 1 - y;
        dots[static_cast<size_t>(from_top / 4 * cells + x / 2)] |= bits[from_top % 4][x % 2];
    };
    const auto to_dot = [](double value, double top, int size) {
        const double share = top > 0 ? std::clamp(value / top, 0.0, 1.0) : 0;
        return static_cast<int>(std::lround(share * (size - 1)));
    };
    bool connected = false;
    int last_x = 0, last_y = 0;
    for (const Point& point : points) {
        if (!std::isfinite(point.x) || !std::isfinite(point.y)) {
            connected = false;
            continue;
        }
        const int x = to_dot(point.x, x_max, width), y = to_dot(point.y, y_max, height);
        const int steps = connected ? std::max(std::abs(x - last_x), std::abs(y - last_y)) : 0;
        for (int i = 1; i <= steps; ++i) {
            const double share = static_cast<double>(i) / steps;
            set(last_x + static_cast<int>(std::lround(share * (x - last_x))),
                last_y + static_cast<int>(std::lround(share * (y - last_y))));
        }
        set(x, y);
        connected = true;
        last_x = x;
        last_y = y;
    }
    std::vector<std::string> lines(static_cast<size_t>(rows));
    for (size_t i = 0; i < dots.size(); ++i)
        lines[i / static_cast<size_t>(cells)] += dots[i] ? braille(dots[i]) : " ";
    return lines;
}

double axis_top(double value) {
    if (!std::isfinite(value) || value <= 0) return 1;
    const double unit = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0}) {
        if (value <= step * unit * (1 + 1e-9)) return step * unit;
    }
    return 10 * unit;
}

}  // namespace r1
