#include "simt/fences.hpp"

#include <algorithm>

namespace crossdock::emulator {

void Fences::fence() {
  if (!kFindsRaces) return;
  for (const void* word : loaded_) observe(word);
  publish(&at_fence_);
  const Unseen unseen;
  loaded_.clear();
  has_fenced_ = true;
}

void Fences::loaded(const void* word) {
  if (!kFindsRaces) return;
  const Unseen unseen;
  if (std::ranges::find(loaded_, word) == loaded_.end()) loaded_.push_back(word);
}

void Fences::will_store(const void* word, const Grid& grid) {
  if (!kFindsRaces || !has_fenced_) return;
  {
    const Unseen unseen;
    if (!fenced_) fenced_ = std::make_unique<Timeline>(grid);
  }
  fenced_->observe(&at_fence_);
  fenced_->publish(word);
}

}  // namespace crossdock::emulator
