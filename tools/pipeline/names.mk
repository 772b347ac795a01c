# names.mk: $(call no_blank,VARIABLES) and $(call no_odd,VARIABLES) end make where a value cannot be used.
# Make and the shell split names at blanks and read these characters as their own: such a name would become another.
ODD := : ; ' " ` \ ? * [ ] ( ) { } < > & | ! ~ % \# $$
no_blank = $(foreach v,$1,$(if $(filter 1,$(words |$($v)|)),,\
    $(error $v='$($v)' holds a blank: use a path without blanks and without any of $(ODD))))
no_odd   = $(foreach v,$1,$(foreach c,$(ODD),$(if $(findstring $c,$($v)),\
    $(error $v='$($v)' holds $c : use a path without blanks and without any of $(ODD)))))
