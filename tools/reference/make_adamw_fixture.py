"""Writes tests/fixtures/adamw.txt: some steps of torch.optim.AdamW with clip_grad_norm_, for tests/test_adamw.c.

Needs torch. Usage: python3 tools/reference/make_adamw_fixture.py > tests/fixtures/adamw.txt

Three arrays: embed [2 x 4] (no decay), q [3 x 4] (decay), q's bias [3] (no decay), laid end to end. Lines: sizes and
settings; the initial weights; then for every step its learning rate, the gradient, the norm that clip_grad_norm_ saw, and
weights, first moments and second moments after the step.
"""

import torch

STEPS, BETAS, EPS, DECAY, CLIP = 8, (0.9, 0.99), 1e-8, 0.1, 1.0
SHAPES = [(2, 4), (3, 4), (3,)]


def line(*tensors):
    print(" ".join("%.9g" % x for t in tensors for x in t.detach().flatten().tolist()))


def main():
    torch.manual_seed(7)
    params = [torch.nn.Parameter(torch.randn(s) * 0.3) for s in SHAPES]
    groups = [{"params": [params[1]], "weight_decay": DECAY}, {"params": [params[0], params[2]], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=1.0, betas=BETAS, eps=EPS, foreach=False)
    print(STEPS, sum(p.numel() for p in params), *BETAS, EPS, DECAY, CLIP)
    line(*params)
    for step in range(STEPS):
        lr = 0.02 * (1 - step / STEPS)
        for group in opt.param_groups:
            group["lr"] = lr
        for p in params:  # some steps below the clip norm, some above
            p.grad = torch.randn(p.shape) * (0.02 if step % 3 == 1 else 1.5)
        print("%.17g" % lr)
        line(*[p.grad for p in params])
        print("%.9g" % torch.nn.utils.clip_grad_norm_(params, CLIP).item())
        opt.step()
        line(*params)
        line(*[opt.state[p]["exp_avg"] for p in params])
        line(*[opt.state[p]["exp_avg_sq"] for p in params])


main()
