#include "train/train.h"

/* A shared recipe is for models of every family. That the head stays the base's cannot be had where it is the
 * embedding, unless that stays too, which nobody asked for: both are trained, as in the paper's own runs,
 * whose grafts decode with the recipient's head anyway. */
bool gk_recipe_untie(gk_recipe *r, const gk_config *c) {
    const uint32_t head = 1u << GK_HEAD, embed = 1u << GK_EMBED;
    if (!c->tied || !(r->adam.frozen & head) || (r->adam.frozen & embed)) return false;
    r->adam.frozen &= ~head;
    return true;
}
