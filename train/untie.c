/* untie.c: a recipe that freezes the head, on a model whose head is its embedding. */
#include "graftkit/model/config.h"
#include "graftkit/train/recipe.h"

#include <string.h>

/* A part of the layers has no component outside them, whatever its word stands for elsewhere. */
static bool freezes(const gk_recipe *r, uint32_t component) {
    for (int i = 0; i < r->n_freeze; i++)
        if (!r->freeze[i].layered && r->freeze[i].components & component) return true;
    return false;
}

/* A shared recipe is for models of every family. That the head stays the base's cannot be had where it is the
 * embedding, unless that stays too, which nobody asked for: both are trained, as in the paper's own runs,
 * whose grafts decode with the recipient's head anyway. */
bool gk_recipe_untie(gk_recipe *r, const gk_config *c) {
    const uint32_t head = 1u << GK_HEAD;
    if (!c->tied || !freezes(r, head) || freezes(r, 1u << GK_EMBED)) return false;
    int kept = 0;
    for (int i = 0; i < r->n_freeze; i++) {
        r->freeze[i].components &= ~head;
        if (r->freeze[i].components) r->freeze[kept++] = r->freeze[i];
    }
    r->n_freeze = kept;
    return true;
}
