#!/usr/bin/env bash
# Trains the preset zoo/adain_storybook, in four stages, and names its styles.
#
#     bash examples/train_storybook.sh DATA [WORK]
#
# DATA holds photos/train, drawings/<illustrator>/train and
# weights/vgg19_blocks1to3.npz; the preset is written to WORK/adain_storybook
# (WORK is `runs` by default). It took 161 minutes on 2 CPU cores with
# bfloat16 instructions, beside other work. Every stage goes on where it was
# stopped when the script is run again.
#
# As it was really run: the first stage was stopped after 3,800 of 12,000 steps
# (so that its learning rate had hardly fallen), once the weights of its losses
# proved to bleach light shapes; the second and third stage are the recipe that
# is now the default, the third with smoother flat regions. The fourth, for
# video, was begun with 3,600 steps in view and stopped after 1,200, since it
# cost style; its second half weighs style more.
set -euo pipefail
data=${1:?"the folder with photos/, drawings/ and weights/"}
work=${2:-runs}

common=(
  wright="$data/drawings/wright/train"
  denslow="$data/drawings/denslow/train"
  neill="$data/drawings/neill/train"
  peppercarrot="$data/drawings/peppercarrot/train"
  volland="$data/drawings/volland/train"
  --photos "$data/photos/train"
  --features "$data/weights/vgg19_blocks1to3.npz"
  --set precision=mixed_bfloat16 --set feature_precision=mixed_bfloat16
  --drop-styles
)

keras-comic train "${common[@]}" --steps 3800 \
  --loss-weight style=2e-4 --loss-weight structure=0 \
  --loss-weight smoothness=0.5 -o "$work/stage1"
keras-comic train "${common[@]}" --from "$work/stage1" --steps 6000 \
  --image-size 160 --batch-size 3 --learning-rate 7e-4 --seed 1 \
  -o "$work/stage2"
keras-comic train "${common[@]}" --from "$work/stage2" --steps 1000 \
  --image-size 224 --batch-size 2 --learning-rate 3e-4 --seed 2 \
  --loss-weight smoothness=3 -o "$work/stage3"
# For video: the comic of a moved photo is to be the moved comic.
keras-comic train "${common[@]}" --from "$work/stage3" --steps 1200 \
  --image-size 160 --batch-size 3 --learning-rate 5e-4 --seed 3 \
  --set consistency=flow --loss-weight consistency=5 --loss-weight smoothness=3 \
  -o "$work/stage4"
keras-comic train "${common[@]}" --from "$work/stage4" --steps 2300 \
  --image-size 160 --batch-size 3 --learning-rate 4e-4 --seed 4 \
  --set consistency=flow --loss-weight consistency=3.5 \
  --loss-weight smoothness=3 --loss-weight style=1.9e-4 --licence Apache-2.0 \
  --training-data "1,730 photographs (Caltech-101, CC BY 4.0; DreamBooth, CC BY 4.0; elementary wallpapers, CC0, Unsplash, Pexels, CC BY 2.0 and public domain) and 708 drawings: Blanche Fisher Wright, W. W. Denslow, John R. Neill, Frederick Richardson (public domain), David Revoy's Pepper&Carrot (CC BY 4.0)" \
  -o "$work/adain_storybook"

# The named styles, with their sources; the same drawings as above.
preset=$work/adain_storybook
add_style() { # NAME SOURCE LICENCE PICTURES...
  keras-comic add-style "$preset" "$1" "${@:4}" --source "$2" --licence "$3"
}
add_style wright "Blanche Fisher Wright, The Real Mother Goose (1916), Project Gutenberg 10607" \
  "public domain in the USA" "$data/drawings/wright/train"
add_style denslow "W. W. Denslow, The Wonderful Wizard of Oz (1900), Project Gutenberg 43936" \
  "public domain" "$data/drawings/denslow/train"
add_style neill "John R. Neill, The Emerald City of Oz (1910), The Patchwork Girl of Oz (1913), Tik-Tok of Oz (1914), Project Gutenberg 41667, 32094, 52176" \
  "public domain" "$data/drawings/neill/train"
add_style peppercarrot "David Revoy, Pepper&Carrot, episodes 17, 21, 22, www.peppercarrot.com" \
  "CC BY 4.0" "$data/drawings/peppercarrot/train"
add_style volland "Frederick Richardson, Mother Goose, The Original Volland Edition (1915), Project Gutenberg 24623" \
  "public domain in the USA" "$data/drawings/volland/train"

denslow() { # numbers of plates
  printf "$data/drawings/denslow/train/denslow_%04d.jpg\n" "$@"
}
oz="W. W. Denslow, The Wonderful Wizard of Oz (1900), Project Gutenberg 43936"
add_style denslow_two_tone "$oz: plates in green and black" "public domain" \
  $(denslow 10 18 28 30 36 37 40 41 42 44 63 70 81 104 107 119 124)
add_style denslow_plates "$oz: plates in full colour" "public domain" \
  $(denslow 0 7 21 23 27 33 38 46 54 59 67 77 80 88 94 99 112 121 126 137 141)
add_style denslow_poppies "$oz: plates in red and black" "public domain" \
  $(denslow 48 49 51 52 55 56 136 139 140)
