#include "cmd.h"
__attribute__((weak)) const struct cmd cmd_trace={.name="trace"}, cmd__complete={.name="_complete"};
